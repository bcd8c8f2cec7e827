use super::super::episodes::tests::sample;
use super::*;

#[test]
fn episodes_are_matched_where_they_overlap() {
    let before = [
        sample("a", 0, Some(10)),
        sample("a", 20, Some(30)),
        sample("b", 0, None),
        sample("c", 5, Some(9)),
        sample("d", 5, Some(9)),
    ];
    let now = [
        sample("a", 0, Some(10)),
        sample("a", 31, Some(40)),
        sample("b", 3, None),
        sample("c", 1, Some(9)),
        sample("d", 5, Some(8)),
        sample("e", 5, None),
    ];
    let found = diff(&now, &before);
    let names = |rows: &[Row]| -> Vec<String> {
        rows.iter()
            .map(|row| format!("{} {}", row.entity, row.raised))
            .collect()
    };
    assert_eq!(found.same, 1);
    assert_eq!(
        names(&found.new),
        ["e 1970-01-01T00:05:00Z", "a 1970-01-01T00:31:00Z"]
    );
    assert_eq!(names(&found.gone), ["a 1970-01-01T00:20:00Z"]);
    assert_eq!(found.later.len(), 1);
    assert_eq!(
        (&*found.later[0].entity, found.later[0].sooner_seconds),
        ("b", -180.0)
    );
    assert_eq!(
        (&*found.earlier[0].entity, found.earlier[0].sooner_seconds),
        ("c", 240.0)
    );
    assert_eq!(&*found.changed[0].entity, "d");
    assert_eq!(diff(&now, &now).same, 6);
}
