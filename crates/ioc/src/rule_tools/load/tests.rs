use super::super::episodes::tests::sample;
use super::*;

/// So many alerts told in each of the ten minutes from 0.
fn rows(counts: &[i64]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (window, count) in (0_i64..).zip(counts) {
        for number in 0..*count {
            let mut row = sample("e", window * 10, Some(window * 10 + 1));
            row.told = Time((window * 600 + number) * Time::SECOND);
            rows.push(row);
        }
    }
    rows
}

fn of(counts: &[i64]) -> PositionLoad {
    let rows = rows(counts);
    let end = Time(counts.len() as i64 * WINDOW_NS - 1);
    let load = load(
        &rows,
        &positions(&PackFiles::default()),
        Some(Time(0)),
        Some(end),
    );
    load.positions.into_iter().next().unwrap()
}

#[test]
fn a_flood_starts_above_ten_and_ends_below_five() {
    assert!(of(&[10, 10, 10]).floods.is_empty());
    let load = of(&[3, 11, 5, 12, 4, 11, 0, 2]);
    let floods: Vec<_> = load
        .floods
        .iter()
        .map(|flood| {
            (
                flood.from.0 / WINDOW_NS,
                flood.to.0 / WINDOW_NS,
                flood.alerts,
                flood.most_in_10_minutes,
            )
        })
        .collect();
    assert_eq!(floods, [(1, 4, 28, 12), (5, 6, 11, 11)]);
    assert_eq!(load.flood_share, 0.5);
    assert_eq!((load.alerts, load.windows.len()), (48, 7));
    assert_eq!(load.most_in_an_hour, 46);
}

#[test]
fn what_nobody_was_told_of_is_counted_beside() {
    let mut list = rows(&[4]);
    list[0].retrospective = true;
    list[1].suppressed = true;
    list[2].status = Status::Exercise;
    let load = load(&list, &positions(&PackFiles::default()), None, None);
    assert_eq!((load.episodes, load.told), (4, 1));
    assert_eq!(
        (load.retrospective, load.suppressed, load.drills),
        (1, 1, 1)
    );
    assert_eq!(load.by_severity["major"], 1);
}

#[test]
fn a_position_sees_what_it_is_for() {
    let mut pack = PackFiles::default();
    let text = "[[position]]\nid = \"water\"\nname = {vi = \"Nước\", en = \"Water\"}\nstreams = [\"disaster\"]\n\
                [[position]]\nid = \"rest\"\nname = {vi = \"Khác\", en = \"Other\"}\nseverities = [\"info\"]\n";
    pack.files.insert("positions.toml".to_owned(), text.into());
    let load = load(&rows(&[3]), &positions(&pack), None, None);
    let told: Vec<_> = load
        .positions
        .iter()
        .map(|one| (one.position.as_str(), one.alerts))
        .collect();
    assert_eq!(told, [("water", 3), ("rest", 0)]);
}
