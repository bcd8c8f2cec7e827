//! E-mail over SMTP: STARTTLS, TLS from the start, or in clear to a relay on this machine.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{Letter, Sent, shortened};
use crate::Secret;
use crate::directory::{EmailConfig, TlsMode};
use crate::text;

pub(super) struct Email {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
    zone_seconds: i32,
}

impl Email {
    pub(super) fn new(
        config: &EmailConfig,
        password: &Secret,
        timeout: Duration,
        zone_seconds: i32,
    ) -> Result<Self, String> {
        let from = config
            .from
            .parse()
            .map_err(|error| format!("from: {error}"))?;
        let parameters =
            || TlsParameters::new(config.host.clone()).map_err(|error| format!("TLS: {error}"));
        let (tls, port) = match config.tls {
            TlsMode::Starttls => (Tls::Required(parameters()?), 587),
            TlsMode::Tls => (Tls::Wrapper(parameters()?), 465),
            TlsMode::None => (Tls::None, 25),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.clone())
                .port(config.port.unwrap_or(port))
                .tls(tls)
                .timeout(Some(timeout));
        if !config.user.is_empty() {
            if config.tls == TlsMode::None {
                return Err("a password is never sent in clear: set tls".to_owned());
            }
            let (user, password) = (config.user.clone(), password.reveal().to_owned());
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self {
            from,
            transport: builder.build(),
            timeout,
            zone_seconds,
        })
    }

    pub(super) async fn send(&self, letter: &Letter<'_>) -> Sent {
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(why) => return Sent::Refused(why),
        };
        // The client's time-out is for one step; this one is for all of them.
        let sending = tokio::time::timeout(self.timeout * 3, self.transport.send(message));
        match sending.await {
            Err(_) => Sent::Later("the mail server does not come to an end".to_owned(), None),
            Ok(Ok(answer)) => Sent::Delivered(format!("SMTP {}", answer.code())),
            Ok(Err(error)) => {
                let told = shortened(&error.to_string());
                if error.is_permanent() {
                    Sent::Refused(told)
                } else {
                    Sent::Later(told, None)
                }
            }
        }
    }

    fn message(&self, letter: &Letter<'_>) -> Result<Message, String> {
        let to: Address = letter
            .person
            .email
            .as_deref()
            .ok_or("no e-mail address")?
            .parse()
            .map_err(|error| format!("{error}"))?;
        let all = letter.all();
        let (subject, body) = match all.as_slice() {
            [one] => (text::subject(one).vi, text::body(one, self.zone_seconds)),
            many => (text::group_subject(many).vi, text::group_body(many)),
        };
        let id = format!("<{}@{}>", letter.key.short(), self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject.replace(['\r', '\n'], " "))
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| error.to_string())
    }
}
