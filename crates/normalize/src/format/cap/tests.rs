//! What no case file shows: bounds, hostile XML, and that no bytes at all make it panic.

use std::time::{Duration, Instant};

use super::xml;
use crate::format::indicators::probe::no_bytes_panic;

const GOOD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<cap:alert xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2" xmlns:x="urn:x"><cap:identifier>a&amp;1</cap:identifier>
<x:Signature xmlns="urn:y"><alert>no</alert></x:Signature><cap:note><![CDATA[<b>]]> &#x1EA3;</cap:note></cap:alert>"#;

#[test]
fn a_tree_without_what_is_foreign() {
    let (namespace, alert) = xml::parse(GOOD).unwrap();
    assert_eq!(namespace, "urn:oasis:names:tc:emergency:cap:1.2");
    assert_eq!((alert.name.as_str(), alert.children.len()), ("alert", 2));
    assert_eq!(alert.need("identifier").unwrap(), "a&1");
    assert_eq!(alert.need("note").unwrap(), "<b> \u{1ea3}");
}

#[track_caller]
fn refused_in_time(text: &str) {
    let began = Instant::now();
    assert!(xml::parse(text).is_err());
    // Without optimization, on a busy machine; 50 ms is the product's bound.
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn hostile_documents_cost_no_more_than_their_length() {
    let laughs = r#"<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><alert>&b;</alert>"#;
    refused_in_time(laughs);
    refused_in_time(r#"<!DOCTYPE a SYSTEM "file:///etc/passwd"><alert/>"#);
    refused_in_time("<alert>&b;</alert>");
    let attributes: String = (0..80_000).map(|at| format!(" a{at}=\"\"")).collect();
    refused_in_time(&format!("<alert{attributes}/>"));
    let namespaces: String = (0..100_000)
        .map(|at| format!(" xmlns:n{at}=\"u\""))
        .collect();
    refused_in_time(&format!("<alert{namespaces}/>"));
    let nested: String = (0..40).map(|at| format!("<a xmlns:n{at}=\"u\">")).collect();
    refused_in_time(&nested);
    refused_in_time(&"<a>".repeat(500_000));
    refused_in_time(&format!("<a>{}</a>", "<b/>".repeat(500_000)));
    refused_in_time(&"a".repeat(50 << 20));
    refused_in_time(&format!("<a>{}", "&amp;".repeat(300_000)));
}

#[test]
fn the_bounds_themselves() {
    let depth = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(xml::parse(&depth(12)).is_ok() && xml::parse(&depth(13)).is_err());
    let attributes = |count: usize| {
        let list: String = (0..count).map(|at| format!(" a{at}=\"\"")).collect();
        format!("<a{list}/>")
    };
    assert!(xml::parse(&attributes(32)).is_ok() && xml::parse(&attributes(33)).is_err());
    let elements = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
    assert!(xml::parse(&elements(20_000)).is_ok() && xml::parse(&elements(20_001)).is_err());
    let bytes = |length: usize| format!("<a>{}</a>", "x".repeat(length - 7));
    assert!(xml::parse(&bytes(1 << 20)).is_ok() && xml::parse(&bytes((1 << 20) + 1)).is_err());
}

#[test]
fn no_bytes_make_it_panic() {
    let alert = r#"<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>A-1</identifier><sender>nchmf.gov.vn</sender>
<sent>2026-11-22T10:00:00+07:00</sent><status>Actual</status><msgType>Update</msgType><scope>Public</scope>
<references>nchmf.gov.vn,A-0,2026-11-22T09:00:00+07:00</references><info><language>vi-VN</language><category>Met</category>
<event>Lũ quét &amp; sạt lở</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>
<expires>2026-11-22T16:00:00+07:00</expires><parameter><valueName>VN:CapDoRuiRo</valueName><value>3</value></parameter>
<area><areaDesc>x</areaDesc><polygon>22,104 22,104.2 22.2,104.2 22,104</polygon><geocode><valueName>VN:MaDonViHanhChinh</valueName>
<value>02989</value></geocode></area></info></alert>"#;
    no_bytes_panic("ioc/lao-cai/disaster/cap-nchmf/up", alert.as_bytes());
}
