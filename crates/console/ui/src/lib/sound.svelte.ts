/**
 * The sound of a new alert: short tones made here, so nothing has to be fetched. Off until somebody turns it on at this
 * computer (browsers let no page sound before that); worse alerts sound higher and more often.
 */

import { memory } from './view.svelte';
import type { Severity } from './types';

const TONES: Record<Exclude<Severity, 'info'>, { hertz: number; times: number }> = {
  critical: { hertz: 988, times: 4 },
  major: { hertz: 784, times: 3 },
  minor: { hertz: 587, times: 2 },
  warning: { hertz: 440, times: 1 },
};
const TONE_S = 0.16;
const GAP_S = 0.09;

class Sound {
  on = $state(memory.get('sound') === 'on');
  #context: AudioContext | null = null;

  toggle(): void {
    this.on = !this.on;
    memory.set('sound', this.on ? 'on' : 'off');
    if (this.on) this.play('warning');
  }

  play(severity: Severity): void {
    if (!this.on || severity === 'info') return;
    try {
      this.#context ??= new AudioContext();
      const context = this.#context;
      void context.resume();
      const { hertz, times } = TONES[severity];
      for (let turn = 0; turn < times; turn += 1) {
        const at = context.currentTime + turn * (TONE_S + GAP_S);
        const tone = new OscillatorNode(context, { frequency: hertz });
        const loud = new GainNode(context, { gain: 0 });
        loud.gain.setValueAtTime(0, at);
        loud.gain.linearRampToValueAtTime(0.25, at + 0.01);
        loud.gain.linearRampToValueAtTime(0, at + TONE_S);
        tone.connect(loud).connect(context.destination);
        tone.start(at);
        tone.stop(at + TONE_S);
      }
    } catch {
      // A computer without sound; the screen says everything.
    }
  }
}

export const sound = new Sound();
