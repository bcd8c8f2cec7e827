//! Every function over time against a straightforward computation from a plain list, at random instants of random
//! histories with bad values, gaps and late arrivals.

use super::*;

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// (observed, value, usable), ascending.
type List = Vec<(i64, f64, bool)>;

const DAY: i64 = 24 * HOUR;
const ZONE: i64 = 7 * HOUR;

fn random(chance: &mut Chance) -> (History, List) {
    let mut list = List::new();
    let mut at = 1_725_800_400 * SECOND;
    for _ in 0..800 {
        at += match chance.below(20) {
            0 => HOUR * chance.below(9) as i64,
            1 => SECOND,
            _ => MINUTE * (1 + chance.below(20) as i64),
        } + chance.below(5) as i64;
        at += 1;
        // Many on the quarters of an hour, where the ends of the windows fall.
        if chance.below(3) == 0 {
            at = (at / (15 * MINUTE) + 1) * (15 * MINUTE);
        }
        let value = chance.below(4_000) as f64 / 16.0;
        list.push((at, value, chance.below(10) > 0));
    }
    let mut order: Vec<usize> = (0..list.len()).collect();
    for index in 0..order.len() {
        let other = (index + chance.below(6) as usize).min(order.len() - 1);
        order.swap(index, other);
    }
    let mut history = History::new(SLOTS.len());
    for index in order {
        let (at, value, usable) = list[index];
        let quality = if usable { 0 } else { 4 };
        put(&mut history, 0, at, event::Value::Number(value), quality);
        // The same again changes nothing.
        put(&mut history, 0, at, event::Value::Number(-1.0), 0);
    }
    (history, list)
}

fn within(list: &List, from: i64, to: i64) -> Vec<(i64, f64)> {
    list.iter()
        .filter(|(at, _, usable)| *usable && (from..=to).contains(at))
        .map(|(at, value, _)| (*at, *value))
        .collect()
}

fn sorted(part: &[(i64, f64)]) -> Vec<f64> {
    let mut values: Vec<f64> = part.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let rank = share * last as f64;
    let (low, high) = (
        values[rank.floor() as usize],
        values[(rank.ceil() as usize).min(last)],
    );
    Some(low + (high - low) * (rank - rank.floor()))
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}

/// What the functions make of the samples of a span, by its text.
fn check_span(history: &History, at: i64, span: &str, part: &[(i64, f64)]) {
    let ask = |text: &str| ask(&text.replace('_', span), Kind::Number, history, at);
    let values = sorted(part);
    let sum = part.iter().map(|(_, value)| value).sum::<f64>();
    let count = part.len() as f64;
    assert_eq!(ask("count(a, _)"), count.to_string(), "{span} {at}");
    let some = |value: f64| shown((count > 0.0).then_some(value));
    // Sixteenths add up exactly, in whatever order.
    assert_eq!(ask("sum(a, _)"), some(sum), "{span} {at}");
    assert_eq!(ask("mean(a, _)"), some(sum / count), "{span} {at}");
    assert_eq!(ask("min(a, _)"), shown(values.first().copied()));
    assert_eq!(ask("max(a, _)"), shown(values.last().copied()));
    for percent in [0, 5, 50, 95, 100] {
        let wanted = quantile(&values, f64::from(percent) / 100.0);
        let text = format!("percentile(a, {percent}, _)");
        assert_eq!(ask(&text), shown(wanted), "{text} {span} {at}");
    }
}

fn value(list: &List, at: i64) -> Option<f64> {
    let (observed, value, usable) = list.iter().rfind(|(time, ..)| *time <= at)?;
    (*usable && at - observed <= HOUR).then_some(*value)
}

#[test]
fn functions_over_time_equal_a_plain_list() {
    let mut chance = Chance(11);
    for _ in 0..4 {
        let (history, list) = random(&mut chance);
        let (first, last) = (list[0].0, list[list.len() - 1].0);
        for step in 0..150 {
            // Often at an observation itself, where the ends of the spans matter.
            let at = if step % 3 == 0 {
                list[chance.below(800) as usize].0
            } else {
                first + chance.below((last - first) as u64 / 1_000 + 1) as i64 * 1_000
            };
            for (text, length) in [("10m", 10 * MINUTE), ("3h", 3 * HOUR), ("3d", 3 * DAY)] {
                let span = format!("duration('{text}')");
                check_span(&history, at, &span, &within(&list, at - length, at));
            }
            for (text, length) in [("15m", 15 * MINUTE), ("6h", 6 * HOUR), ("1d", DAY)] {
                let midnight = (at + ZONE).div_euclid(DAY) * DAY - ZONE;
                let end = midnight + (at - midnight) / length * length;
                let span = format!("tumbling('{text}')");
                check_span(&history, at, &span, &within(&list, end - length, end - 1));
            }
            let mut session = within(&list, at - DAY, at);
            let mut after = at;
            let mut kept = session.len();
            while kept > 0 && after - session[kept - 1].0 <= 15 * MINUTE {
                kept -= 1;
                after = session[kept].0;
            }
            check_span(&history, at, "session('15m')", &session.split_off(kept));
        }
    }
}

#[test]
fn baselines_previous_times_and_crossings_equal_a_plain_list() {
    let mut chance = Chance(5);
    let mut known = [0; 4];
    for _ in 0..4 {
        let (history, list) = random(&mut chance);
        let (first, last) = (list[0].0, list[list.len() - 1].0);
        for step in 0..400 {
            let at = if step % 3 > 0 {
                list[chance.below(800) as usize].0
            } else {
                first + chance.below((last - first) as u64) as i64
            };
            let mut days = Vec::new();
            for day in 1..=5 {
                let same = at - day * DAY;
                days.extend(within(&list, same - HOUR / 2, same + HOUR / 2));
            }
            let values = sorted(&days);
            let median = quantile(&values, 0.5).filter(|_| values.len() >= 5);
            assert_eq!(
                ask("baseline(a, 5)", Kind::Number, &history, at),
                shown(median)
            );
            let deviation = median.zip(value(&list, at)).map(|(median, value)| {
                let mut off: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
                off.sort_by(f64::total_cmp);
                let spread = 1.4826 * quantile(&off, 0.5).unwrap_or(0.0);
                (value - median).abs() / spread.max(1e-9)
            });
            assert_eq!(
                ask("deviation(a, 5)", Kind::Number, &history, at),
                shown(deviation)
            );
            known[0] += usize::from(deviation.is_some());

            let newest = list.iter().rposition(|(time, ..)| *time <= at);
            let before = newest.and_then(|index| {
                let mut older = list[..index].iter().rev();
                older.find(|(_, _, usable)| *usable)
            });
            let previous = before.filter(|(time, ..)| at - time <= DAY);
            let previous = previous.map(|(_, value, _)| *value);
            assert_eq!(
                ask("previous(a)", Kind::Number, &history, at),
                shown(previous)
            );
            known[1] += usize::from(previous.is_some());

            let text = "times(a > 100.0 && previous(a) < 140.0, duration('2h'))";
            let points = list.iter().enumerate();
            let points = points.filter(|(_, (time, ..))| (at - 2 * HOUR..=at).contains(time));
            let held = points.filter(|(index, (time, ..))| {
                let before = list[..*index].iter().rev().find(|(_, _, usable)| *usable);
                let before = before.filter(|(earlier, ..)| time - earlier <= DAY);
                value(&list, *time).is_some_and(|value| value > 100.0)
                    && before.is_some_and(|(_, value, _)| *value < 140.0)
            });
            let held = held.count();
            assert_eq!(ask(text, Kind::Number, &history, at), held.to_string());
            known[2] += usize::from(held > 0);

            let rate = ask("rate(a, duration('1h'))", Kind::Number, &history, at);
            let rate = rate.parse::<f64>().ok().filter(|rate| *rate != 0.0);
            let crossing = value(&list, at).zip(rate);
            let crossing = crossing.map(|(value, rate)| (200.0 - value) / rate * 3.6e12);
            let crossing = crossing.filter(|ahead| (0.0..3.2e17).contains(ahead));
            let wanted =
                crossing.map_or("unknown".to_owned(), |ahead| format!("{} ns", ahead as i64));
            let text = "time_to(a, 200.0, duration('1h'))";
            if value(&list, at) != Some(200.0) {
                assert_eq!(ask(text, Kind::Duration, &history, at), wanted);
            }
            known[3] += usize::from(crossing.is_some());
        }
    }
    // Each was told often enough to mean something.
    assert!(known.iter().all(|count| *count > 100), "{known:?}");
}

/// A fast sensor: the newest observations count, and no more of them than priced.
#[test]
fn a_window_is_bounded() {
    let mut history = History::new(SLOTS.len());
    for step in 0..30_000_i64 {
        number(&mut history, 0, step * SECOND / 50, step as f64);
    }
    let at = 30_000 * SECOND / 50;
    let asked = ask("count(a, duration('1h'))", Kind::Number, &history, at);
    assert_eq!(asked, WINDOW_SAMPLES_MAX.to_string());
    let least = ask("min(a, duration('1h'))", Kind::Number, &history, at);
    assert_eq!(least, (30_000 - WINDOW_SAMPLES_MAX).to_string());
    // Ten a second and ten more.
    let asked = ask("count(a, duration('1m'))", Kind::Number, &history, at);
    assert_eq!(asked, "610");
}
