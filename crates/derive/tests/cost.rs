//! What one message may cost at worst, measured: printed for people, bounded for the build.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::time::Instant;

use event::Event;
use site::*;

/// Milliseconds for one event.
fn cost(deriver: &mut derive::Deriver, event: &Event) -> (f64, usize) {
    let start = Instant::now();
    let out = fold(deriver, event);
    (start.elapsed().as_secs_f64() * 1e3, out.len())
}

/// Series of six days at 200 s, then a live reading and a late one that changes as much as it can.
#[test]
fn a_message_costs_little_even_at_the_bounds() {
    let cases: [(&str, &[&str]); 6] = [
        ("rg-count", &["rain_total"]),
        ("rg-tip", &["rain_10min"]),
        ("vc-2", &["count_in", "count_out"]),
        ("mt-1", &["energy"]),
        ("aqm-1", &["pm25", "pm10", "o3", "no2", "so2", "co"]),
        ("wl-lao-cai", &["level"]),
    ];
    for (entity, measures) in cases {
        let mut deriver = deriver();
        let at = |second: i64, value: f64| {
            let values: Vec<(&str, f64)> = measures.iter().map(|name| (*name, value)).collect();
            reading(entity, START + second * event::Time::SECOND, &values)
        };
        let filling = Instant::now();
        let count = 6 * 432_i64;
        for step in 0..count {
            fold(&mut deriver, &at(step * 200, 20.0 + step as f64 / 20.0));
        }
        let each = filling.elapsed().as_secs_f64() * 1e6 / count as f64;
        let (live, _) = cost(&mut deriver, &at(count * 200, 20.0 + count as f64 / 20.0));
        let (late, results) = cost(&mut deriver, &at((count - 800) * 200 + 7, 21.0));
        println!(
            "{entity}: {} readings, {each:.1} us each, live {live:.3} ms, late {late:.3} ms with {results} results",
            deriver.counts().readings
        );
        assert!(deriver.counts().readings <= 8_000);
        // Ten times what the unoptimised build takes on a busy machine; a bound that grows with the square would not pass.
        assert!(late < 5_000.0, "{entity}: {late} ms");
    }
}
