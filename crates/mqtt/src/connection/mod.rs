//! One connection, one task: handshake, life ([`engine`]), end.

mod aliases;
mod client;
mod closing;
mod draining;
mod end;
mod engine;
pub(crate) mod fifo;
mod handshake;
mod input;
mod intake;
mod out;
mod pass;
mod request;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::control::Control;
use crate::hub::Hub;

use end::End;
use engine::Engine;
use handshake::NotOpened;
use input::Input;

/// A place among the connections; given back however the task ends.
pub(crate) struct Presence {
    pub(crate) hub: Arc<Hub>,
    pub(crate) peer: SocketAddr,
    pub(crate) connection: u64,
    pub(crate) control: Arc<Control>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.hub.registry().leave(self.connection, self.peer.ip());
        self.hub.meter.connection_closed();
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(presence: Presence, mut stream: TcpStream) {
    let Presence {
        hub,
        peer,
        connection,
        control,
    } = &presence;
    let mut input = Input::default();
    let request = match handshake::request(hub, control, &mut stream, &mut input, *connection).await
    {
        Ok(request) => request,
        Err(_) => return,
    };
    let opened = match handshake::open(hub, control, &request, *peer, *connection).await {
        Ok(opened) => opened,
        Err(NotOpened::Gone) => return,
        Err(NotOpened::Refused(reason, text)) => {
            let mut out = Vec::new();
            request.decline(reason, text, &mut out);
            closing::say(&mut stream, &out).await;
            return;
        }
    };
    let mut engine = Engine::new(
        Arc::clone(hub),
        Arc::clone(control),
        stream,
        input,
        opened.client,
        opened.core,
        request.keep_alive_seconds,
    );
    let end = match opened.doomed {
        Some(end) => {
            if let Some((reason, text)) = end.farewell() {
                request.decline(reason, text, &mut engine.out.buffer);
            }
            engine.declined = true;
            end
        }
        None if request.accept(hub, opened.present, &mut engine.out.buffer) => engine.run().await,
        None => End::Lost,
    };
    closing::close(engine, end, request.will).await;
}
