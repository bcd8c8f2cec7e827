// What became of the notices of an alert, as the node reports it: one result after the other, each a transition of its own.
const MINUTE = 60_000;

/** The results of an evening: a chain that went on, one who was reached, one who was not, and one told again of the escalation. */
export function results(mock) {
  const at = (back) => mock.iso(mock.now() - back * MINUTE);
  const of = (channel, person, revision, result, attempts, back) => ({ channel, person, revision, result, attempts, at: at(back) });
  return [
    of('hook', 'truc-ban', 1, 'moved_on', 5, 9),
    of('mail', 'truc-ban', 1, 'delivered', 2, 8),
    of('zalo', 'chu-tich-xa-bao-ha', 1, 'refused', 1, 8),
    of('sms', 'doi-xung-kich', 6, 'delivered', 1, 3),
  ];
}

/** Tells the steps of `one` so that each has made one revision: raised, the first results, the ladder, the last result. */
export function tell(mock, one, told = results(mock)) {
  const steps = ['raised', 'notified', 'notified', 'notified', 'commented', 'escalated', 'notified'];
  const back = [12, 9, 8, 8, 6, 5, 3];
  steps.forEach((change, index) => mock.note(one, change, null, mock.now() - back[index] * MINUTE));
  const next = { ...one, revision: steps.length, handling: { ...one.handling, notices: [...told].sort((a, b) => (a.channel + a.person < b.channel + b.person ? -1 : 1)) } };
  mock.known.set(next.id, next);
  mock.change([next]);
  return next;
}
