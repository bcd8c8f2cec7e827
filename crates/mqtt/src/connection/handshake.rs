//! From the first byte to CONNACK: one CONNECT in time, the session claimed (whoever has it is cut off),
//! its opening durable, then the answer.

use std::net::SocketAddr;
use std::sync::Arc;

use journal::inputs::{FrontDoor, Kind, MessagePrefix, Opening, Session, SessionChange};
use journal::{Batch, Class};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::codec::encode::{self, ConnAck};
use crate::codec::{Answer, Decoded, Malformed, Packet, Protocol, Reason, decode};
use crate::control::{Control, Signal};
use crate::hub::Hub;
use crate::keeper::{journal_due, push_due};
use crate::metrics::Refusal;
use crate::registry::Left;
use crate::session::CoreGuard;
use crate::will::{self, Will};

use super::client::{ANONYMOUS, Client};
use super::closing::say;
use super::end::End;
use super::input::Input;
use super::request::Request;

/// A client with its session.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) core: CoreGuard,
    pub(super) present: bool,
    /// Its opening did not become durable in time: it ends before it began.
    pub(super) doomed: Option<End>,
}

/// Why there is no session to speak of.
pub(super) enum NotOpened {
    /// Nothing to say, or it has been said.
    Gone,
    /// A CONNACK with this reason.
    Refused(Reason, &'static str),
}

/// Reads the CONNECT.
pub(super) async fn request(
    hub: &Hub,
    control: &Control,
    stream: &mut TcpStream,
    input: &mut Input,
    connection: u64,
) -> Result<Request, NotOpened> {
    let reading = read_connect(hub, stream, input, connection);
    let limit = hub.config.connect_timeout();
    let outcome = tokio::select! {
        _ = control.signalled() => return Err(NotOpened::Gone),
        outcome = tokio::time::timeout(limit, reading) => outcome,
    };
    match outcome {
        Ok(Ok(request)) => Ok(request),
        Ok(Err(None)) => Err(NotOpened::Gone),
        Ok(Err(Some(malformed))) => {
            hub.meter.malformed(malformed.reason);
            tracing::debug!(%malformed, "CONNECT refused");
            let mut out = Vec::new();
            answer(&malformed, &mut out);
            say(stream, &out).await;
            Err(NotOpened::Gone)
        }
        Err(_elapsed) => {
            hub.meter.malformed(Reason::MaximumConnectTime);
            Err(NotOpened::Gone)
        }
    }
}

async fn read_connect(
    hub: &Hub,
    stream: &mut TcpStream,
    input: &mut Input,
    connection: u64,
) -> Result<Request, Option<Malformed>> {
    let mut need = 2;
    loop {
        while input.len() < need {
            let read = std::future::poll_fn(|context| input.poll_fill(stream, context, need)).await;
            if !matches!(read, Ok(1..)) {
                return Err(None);
            }
        }
        let (request, bytes) = match decode(input.bytes(), None, &hub.limits).map_err(Some)? {
            Decoded::Incomplete { need: more } => {
                need = more;
                continue;
            }
            Decoded::Packet {
                packet: Packet::Connect(connect),
                bytes,
            } => (
                Request::new(hub, &connect, connection).map_err(Some)?,
                bytes,
            ),
            // The codec lets nothing else through before CONNECT.
            Decoded::Packet { .. } | Decoded::TooLarge(_) => return Err(None),
        };
        input.consume(bytes);
        return Ok(request);
    }
}

fn answer(malformed: &Malformed, out: &mut Vec<u8>) {
    let connack = |reason| ConnAck {
        reason,
        reason_string: Some(malformed.sentence),
        ..ConnAck::default()
    };
    match malformed.answer {
        Answer::ConnackV3(code) => out.extend_from_slice(&[0x20, 2, 0, code]),
        Answer::ConnackV5(reason) => {
            // Never left out: the client's own limits are not known yet.
            _ = encode::connack(out, Protocol::V5, u32::MAX, &connack(reason));
        }
        Answer::DisconnectV5(_) | Answer::Close => {}
    }
}

/// Claims the session and makes its opening durable.
pub(super) async fn open(
    hub: &Arc<Hub>,
    control: &Arc<Control>,
    request: &Request,
    peer: SocketAddr,
    connection: u64,
) -> Result<Opened, NotOpened> {
    let deadline = Instant::now() + hub.config.connect_timeout();
    let claim = hub.registry().claim(
        &request.client_id,
        connection,
        control,
        &hub.config,
        Instant::now(),
    );
    let Ok(claim) = claim else {
        hub.meter.refused(Refusal::Sessions);
        return Err(NotOpened::Refused(
            Reason::QuotaExceeded,
            "no room for another session",
        ));
    };
    if claim.took_over {
        hub.meter.takeover();
    }
    let sessions = hub.registry().session_count();
    hub.meter.sessions(sessions);
    let core = tokio::select! {
        core = Arc::clone(&claim.core).lock_owned() => Some(core),
        _ = control.signalled() => None,
        () = tokio::time::sleep_until(deadline) => None,
    };
    let entered = match core {
        Some(core) => enter(hub, request, connection, core),
        None => Err(match control.signal() {
            Some(signal) => said_no(signal),
            None => NotOpened::Refused(Reason::ServerBusy, "the session is still being closed"),
        }),
    };
    let (core, class, left) = match entered {
        Ok(entered) => entered,
        Err(refusal) => {
            hub.registry().withdraw(&request.client_id, connection);
            if let Some(evicted) = &claim.evicted {
                // It made room for nobody, and has ended all the same.
                _ = journal_due(hub, evicted).await;
            }
            return Err(refusal);
        }
    };
    let mut batch = Batch::new();
    if let Some(evicted) = &claim.evicted {
        push_due(hub, evicted, &mut batch);
    }
    let (mut opened, will) = session(hub, request, peer, connection, core, left);
    push_left_will(hub, request, will, &mut batch);
    push_opening(request, &opened, &mut batch);
    opened.doomed = tokio::select! {
        durable = journal(hub, class, batch) => durable.err().map(End::Journal),
        signal = control.signalled() => Some(match signal {
            Signal::TakenOver => End::TakenOver,
            Signal::Stop => End::Stop,
        }),
        () = tokio::time::sleep_until(deadline) => Some(End::Busy),
    };
    Ok(opened)
}

async fn journal(hub: &Hub, class: Class, batch: Batch) -> Result<(), journal::Error> {
    hub.inputs.append(class, batch).await?.await.map(drop)
}

/// The core is ours: takes what was left for it, if there is room for what comes.
fn enter(
    hub: &Hub,
    request: &Request,
    connection: u64,
    core: CoreGuard,
) -> Result<(CoreGuard, Class, Left), NotOpened> {
    let busy = |reason, sentence| Err(NotOpened::Refused(reason, sentence));
    let will_bytes = request.will.as_ref().map_or(0, will::bytes);
    let mut registry = hub.registry();
    if !registry.keep_will(will_bytes, &hub.config) {
        hub.meter.refused(Refusal::Wills);
        return busy(Reason::QuotaExceeded, "no room for another will");
    }
    let Some(class) = hub.opening_class() else {
        registry.drop_will(will_bytes);
        hub.meter.refused(Refusal::Full);
        return busy(Reason::ServerBusy, "the journal is full");
    };
    let Some(left) = registry.enter(&request.client_id, connection, Instant::now()) else {
        registry.drop_will(will_bytes);
        return busy(
            Reason::ServerBusy,
            "another connection uses this client identifier",
        );
    };
    Ok((core, class, left))
}

/// Resumes the session or begins a new one. What comes back beside it is the will that is due now.
fn session(
    hub: &Hub,
    request: &Request,
    peer: SocketAddr,
    connection: u64,
    mut core: CoreGuard,
    left: Left,
) -> (Opened, Option<Will>) {
    let present = core.session != 0 && !left.ended && !request.clean_start;
    if !present {
        core.session = hub.registry().session_number();
        core.qos2.clear();
    }
    core.qos2.iter_mut().for_each(|held| held.here = false);
    // The client is back. What we cut off ourselves is forgiven; else the session that ends takes its
    // will with it, and a will whose time has come is due whoever is faster.
    let now = Instant::now();
    let will = left
        .will
        .filter(|waiting| !waiting.ours && (!present || waiting.due <= now))
        .map(|waiting| waiting.will);
    let peer = peer.to_string();
    let prefix = MessagePrefix::new(
        FrontDoor::Listener,
        request.protocol.level(),
        ANONYMOUS,
        &peer,
        &request.client_id,
        core.session,
        connection,
    );
    let client = Client {
        client_id: request.client_id.clone(),
        protocol: request.protocol,
        peer,
        session: core.session,
        connection,
        expiry_seconds: request.expiry_seconds,
        problem_information: request.problem_information,
        packet_bytes_max: request.packet_bytes_max,
        prefix,
    };
    (
        Opened {
            client,
            core,
            present,
            doomed: None,
        },
        will,
    )
}

fn push_left_will(hub: &Hub, request: &Request, will: Option<Will>, batch: &mut Batch) {
    if let Some(will) = will {
        will.push(&request.client_id, batch);
        hub.meter.wills(1);
    }
}

fn push_opening(request: &Request, opened: &Opened, batch: &mut Batch) {
    let record = Session {
        client_id: &request.client_id,
        session: opened.client.session,
        connection: opened.client.connection,
        change: SessionChange::Opened(Opening {
            principal: ANONYMOUS,
            peer: &opened.client.peer,
            protocol: request.protocol.level(),
            clean_start: request.clean_start,
            present: opened.present,
            assigned_id: request.assigned_id,
            expiry_seconds: request.expiry_seconds,
            keep_alive_seconds: request.keep_alive_seconds,
            will: request.will.as_ref().map(will::to_record),
        }),
    };
    batch.push(Kind::Session.into(), |out| record.encode(out));
}

fn said_no(signal: Signal) -> NotOpened {
    match signal {
        Signal::TakenOver => NotOpened::Refused(
            Reason::ServerBusy,
            "another connection uses this client identifier",
        ),
        Signal::Stop => NotOpened::Refused(Reason::ServerShuttingDown, "the server is stopping"),
    }
}
