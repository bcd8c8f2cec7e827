//! What no case file shows: that no bytes at all make it panic.

use std::time::{Duration, Instant};

use crate::catalogue::Catalogue;
use crate::format::indicators::probe::{no_bytes_panic, pack};
use crate::format::{Plan, Records, Wire};
use event::Time;

#[test]
fn no_bytes_make_it_panic() {
    let warnings = r#"[{"commune_id":1,"commune_name":"B\u1ea3o H\u00e0&#x0D;","commune_name_2cap":"X\u00e3 B\u1ea3o H\u00e0","provinceName_2cap":"L\u00e0o Cai",
        "nguycosatlo":"R\u1ea5t cao ","nguycoluquet":"Cao","luongmuatd":"55,5","luongmuadb":40,"sogiodubao":"6","thoigian":"/Date(1789704000000)/"}]"#;
    no_bytes_panic(
        "ioc/lao-cai/disaster/nchmf-warnings/up",
        warnings.as_bytes(),
    );
    let rain = r#""{\"features\":[{\"properties\":{\"station_no\":\"LC01\",\"luongmua1h\":\"3.2\"},\"geometry\":{\"coordinates\":[103.97,22.49]}}]}""#;
    no_bytes_panic("ioc/lao-cai/disaster/rain-feed/up", rain.as_bytes());
}

/// The network of the whole country as one message, a string in a string.
#[test]
fn the_whole_country_is_read_item_by_item() {
    let catalogue = Catalogue::load(&pack()).unwrap();
    let profile = &catalogue.profiles[catalogue.profile_named("hydromet-rain").unwrap()];
    let gauges: Vec<String> = (0..8_400)
        .map(|at| {
            // Every hundredth is in the province.
            let (lon, lat) = if at % 100 == 0 { (103.97, 22.49) } else { (105.85, 12.5) };
            format!(
                r#"{{"type":"Feature","geometry":{{"type":"Point","coordinates":[{lon},{lat}]}},"properties":{{"station_id":{at},
                "station_no":"S{at}","ten":"x","tinh_id":1,"luongmua1h":1.5,"luongmua3h":2,"luongmua6h":3,"luongmua12h":4}}}}"#
            )
        })
        .collect();
    let collection = format!(
        r#"{{"type":"FeatureCollection","features":[{}]}}"#,
        gauges.join(",")
    );
    let payload = serde_json::to_vec(&serde_json::json!({ "d": collection })).unwrap();
    let wire = Wire {
        topic: "ioc/lao-cai/disaster/rain-feed/up",
        payload: &payload,
        content_type: "",
        catalogue: &catalogue,
        device: Some("rain-feed"),
        profile: Some(profile),
        received: Time(0),
    };
    let Plan::Hydromet(plan) = &profile.plan else {
        panic!("not a feed")
    };
    let mut out = Records::new(10_000, 64);
    let began = Instant::now();
    super::decode(&wire, plan, &mut out).unwrap();
    assert_eq!((out.list().len(), out.elsewhere), (84, 8_316));
    assert_eq!(out.list()[1].fields.len(), 4);
    // Without optimization; the product's bound is 50 ms.
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}
