//! What brokers do wrong, against librdkafka's mock cluster.

#[allow(dead_code, reason = "shared by several test files")]
mod common;

use std::time::Duration;

use common::*;
use pipeline::{Code, Record, Sink};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

fn small(config: &mut kafka::KafkaConfig, queue_messages: u32) {
    config.queue_messages = queue_messages;
    assert_eq!(config.validate(), []);
}

#[tokio::test]
async fn leader_changes_lose_double_and_reorder_nothing() {
    let mock = cluster(3);
    let config = config(&mock);
    let mut mover = Mover::new(config.clone(), events(2_000));
    mover.open(&[]).await;
    for leader in [2, 3, 1, 2] {
        mover.submit_all().await;
        for partition in 0..PARTITIONS {
            mock.partition_leader(EVENTS, partition, Some(leader))
                .expect("a leader");
        }
        mover.all_done().await;
    }
    mover.finish().await;
    assert_eq!(mover.troubles, []);
    assert_eq!(check_order(&read(&config, EVENTS), 0..2_000), 0);
}

#[tokio::test]
async fn without_brokers_batches_wait_trouble_is_told_and_all_is_delivered_afterwards() {
    let mock = cluster(2);
    let config = config(&mock);
    let mut mover = Mover::new(config.clone(), events(400));
    mover.open(&[]).await;
    mover.submit_all().await;
    mover.all_done().await;
    mock.broker_down(-1).expect("down");
    mover.submit_all().await;
    let trouble = mover.sink.troubles();
    until("it is told that the brokers are gone", || {
        trouble
            .borrow()
            .as_ref()
            .is_some_and(|trouble| trouble.code == Code::Unreachable)
    })
    .await;
    let shown = mover.sink.troubles().borrow().clone().expect("trouble");
    assert!(shown.message.contains("nothing is lost"), "{shown}");
    mock.broker_up(-1).expect("up");
    mover.all_done().await;
    until("the trouble is over", || {
        mover.sink.troubles().borrow().is_none()
    })
    .await;
    mover.finish().await;
    assert_eq!(
        mover.troubles,
        [],
        "nothing was ever answered with an error"
    );
    assert_eq!(check_order(&read(&config, EVENTS), 0..400), 0);
}

/// The mock broker knows no sequence numbers of an idempotent producer: a request that it took before the connection was cut
/// stands there twice when it is sent again, which happens on a slow machine. A real broker drops the second. What the
/// sink owes is order, completeness, equal repeats, and no more of them than one window.
#[tokio::test]
async fn a_connection_cut_with_unknown_result_loses_nothing_and_keeps_order() {
    let mock = cluster(1);
    let config = config(&mock);
    let mut mover = Mover::new(config.clone(), events(400));
    mover.open(&[]).await;
    mover.submit_all().await;
    mover.all_done().await;
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT; 3],
    );
    mover.finish().await;
    let repeats = check_order(&read(&config, EVENTS), 0..400);
    assert!(repeats < 200, "{repeats} of 400 came twice");
}

#[tokio::test]
async fn too_few_replicas_are_waited_for() {
    let mock = cluster(1);
    let config = config(&mock);
    let mut mover = Mover::new(config.clone(), events(200));
    mover.open(&[]).await;
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        ],
    );
    mover.finish().await;
    assert_eq!(mover.troubles, []);
    assert_eq!(check_order(&read(&config, EVENTS), 0..200), 0);
}

async fn goes_on_after(error: RDKafkaRespErr, code: Code) {
    let mock = cluster(1);
    let config = config(&mock);
    let mut mover = Mover::new(config.clone(), events(1_000));
    mover.open(&[]).await;
    mover.submit_all().await;
    mover.all_done().await;
    mock.request_errors(RDKafkaApiKey::Produce, &[error]);
    mover.finish().await;
    let told = mover.troubles.first().expect("a new producer was needed");
    assert_eq!(told.code, code, "{told}");
    assert!(told.message.contains(EVENTS), "{told}");
    let repeats = check_order(&read(&config, EVENTS), 0..1_000);
    assert!(repeats <= 8 * 25, "{repeats} repeats: more than a window");
}

#[tokio::test]
async fn a_fatal_error_makes_a_new_producer_that_goes_on_in_order() {
    goes_on_after(
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        Code::Forbidden,
    )
    .await;
}

#[tokio::test]
async fn an_unknown_error_makes_a_new_producer_that_goes_on_in_order() {
    goes_on_after(
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
        Code::Other,
    )
    .await;
}

#[tokio::test]
async fn a_full_client_queue_holds_the_reader_and_keeps_the_order() {
    let mock = cluster(1);
    let mut config = config(&mock);
    small(&mut config, 16);
    mock.broker_round_trip_time(-1, Duration::from_millis(20))
        .expect("slow");
    let mut mover = Mover::new(config.clone(), events(600));
    mover.open(&[]).await;
    mover.finish().await;
    assert_eq!(mover.troubles, []);
    assert_eq!(check_order(&read(&config, EVENTS), 0..600), 0);
}

#[tokio::test]
async fn a_full_client_queue_does_not_hold_up_a_stop() {
    let mock = cluster(1);
    let mut config = config(&mock);
    small(&mut config, 16);
    config.close_timeout_ms = 200;
    let mut mover = Mover::new(config, events(100));
    mover.open(&[]).await;
    mock.broker_down(-1).expect("down");
    let held = tokio::time::timeout(Duration::from_millis(500), mover.submit_all()).await;
    assert!(
        held.is_err(),
        "a hundred messages do not fit into a queue of sixteen"
    );
    tokio::time::timeout(Duration::from_secs(20), mover.sink.close())
        .await
        .expect("it ends");
}

fn with_a_large_one(offset: u64, bytes: usize, count: u64) -> Vec<Record> {
    let mut records = events(count);
    let mut large = event(offset);
    large.values[0].value = event::Value::Code("x".repeat(bytes).into());
    records[offset as usize] = event_record_of(offset, &large);
    records
}

#[tokio::test]
async fn a_message_over_our_bound_is_refused_alone() {
    let mock = cluster(1);
    let config = config(&mock);
    let records = with_a_large_one(60, 1_200_000, 200);
    let mut mover = Mover::new(config.clone(), records);
    mover.open(&[]).await;
    mover.finish().await;
    assert_eq!(mover.troubles, []);
    assert_eq!(mover.refused.len(), 1);
    assert_eq!(mover.refused[0].offset, 60);
    assert!(
        mover.refused[0].reason.contains(EVENTS),
        "{:?}",
        mover.refused
    );
    let others = (0..200).filter(|offset| *offset != 60);
    assert_eq!(check_order(&read(&config, EVENTS), others), 0);
}

#[tokio::test]
async fn a_message_that_the_broker_alone_finds_too_large_is_found_and_refused_alone() {
    let mock = cluster(1);
    let config = config(&mock);
    // Larger than any request bound that is tried on the way down, so it travels alone at last.
    let records = with_a_large_one(60, 200_000, 200);
    let mut mover = Mover::new(config.clone(), records.clone());
    mover.open(&[]).await;
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE],
    );
    mover.finish().await;
    assert!(mover.refused.len() <= 1, "{:?}", mover.refused);
    assert!(
        mover
            .troubles
            .iter()
            .any(|trouble| trouble.code == Code::TooLarge)
            || mover.refused.len() == 1
    );
    let gone: Vec<u64> = mover.refused.iter().map(|refused| refused.offset).collect();
    let others = (0..200).filter(|offset| !gone.contains(offset));
    check_order(&read(&config, EVENTS), others);
}

#[tokio::test]
async fn one_refused_by_the_broker_goes_alone_and_the_rest_comes_again() {
    let mock = cluster(1);
    let mut config = config(&mock);
    config
        .properties
        .insert("batch.num.messages".to_owned(), kafka::Property::Number(1));
    let mut mover = Mover::new(config.clone(), events(100));
    mover.open(&[]).await;
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE],
    );
    mover.finish().await;
    assert_eq!(mover.refused.len(), 1, "{:?}", mover.refused);
    let gone = mover.refused[0].offset;
    let others = (0..100).filter(|offset| *offset != gone);
    check_order(&read(&config, EVENTS), others);
}
