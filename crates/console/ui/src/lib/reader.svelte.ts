/**
 * Whether somebody is reading the list. While so, rows stand still. A mouse that was only left lying
 * there does not count: after a minute without any movement the list is nobody's and sorts itself.
 */

const IDLE_MS = 60_000;
const TOUCH_MS = 8_000;

export class Reader {
  reading = $state(false);
  #inside = false;
  #activity = -Infinity;
  #touched = -Infinity;
  #list: HTMLElement | null = null;

  #top = 0;

  /** Who has scrolled down is somewhere in the middle of a text. */
  scrolled(top: number): void {
    this.#top = top;
    this.#active();
  }

  /** An attachment for everything in which reading happens: the rows and the edge above them. */
  attach = (list: HTMLElement) => {
    this.#list = list;
    const on = (type: string, run: (event: Event) => void) =>
      list.addEventListener(type, run, { passive: true });
    on('pointerenter', (event) => {
      this.#inside = (event as PointerEvent).pointerType === 'mouse';
      this.#active();
    });
    on('pointermove', () => this.#active());
    on('pointerleave', () => {
      this.#inside = false;
      this.#settle();
    });
    on('touchstart', () => {
      this.#touched = performance.now();
      this.#settle();
    });
    on('keydown', () => this.#active());
    on('focusin', () => this.#active());
    // Also fires while the page takes a row out; state may not change in the middle of that.
    on('focusout', () => queueMicrotask(() => this.#settle()));
    const timer = setInterval(() => this.#settle(), 1000);
    return () => clearInterval(timer);
  };

  #active(): void {
    this.#activity = performance.now();
    this.#settle();
  }

  #settle(): void {
    const now = performance.now();
    const focused = this.#list?.querySelector(':focus-visible') != null;
    const busy = (this.#inside || focused || this.#top > 8) && now - this.#activity < IDLE_MS;
    this.reading = busy || now - this.#touched < TOUCH_MS;
  }
}
