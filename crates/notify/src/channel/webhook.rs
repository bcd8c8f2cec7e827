//! Webhooks, signed as Standard Webhooks has it.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::Time;
use hmac::{Hmac, KeyInit, Mac};
use hyper::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::feed::Published;
use super::http::{Answer, Call, Failed, Http};
use super::{Letter, Sent, shortened};
use crate::Secret;
use crate::directory::{WebhookBody, WebhookConfig};
use crate::letter::Content;
use crate::text;

/// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
pub fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

pub(super) struct Webhook {
    key: Vec<u8>,
    allow_private: bool,
    http: Arc<Http>,
    /// What was published, where documents are sent.
    published: Option<Published>,
}

impl Webhook {
    pub(super) fn new(
        name: &str,
        config: &WebhookConfig,
        secret: &Secret,
        http: Arc<Http>,
        dir: &Path,
    ) -> Result<Self, String> {
        let key = secret
            .reveal()
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok())
            .filter(|key| key.len() >= 16)
            .ok_or_else(|| {
                format!(
                    "notify.secrets.{}: write whsec_ and the base64 of at least 16 bytes (24 to 64 are usual)",
                    config.secret
                )
            })?;
        let published = match config.body {
            WebhookBody::Json => None,
            WebhookBody::Cap => Some(Published::open(&dir.join(format!("cap-{name}.json")))?),
        };
        Ok(Self {
            key,
            allow_private: config.allow_private,
            http,
            published,
        })
    }

    pub(super) async fn send(&self, letter: &Letter<'_>) -> Sent {
        let Some(url) = letter.person.webhook.as_deref() else {
            return Sent::Refused("no webhook address".to_owned());
        };
        let (kind, body) = match &self.published {
            None => ("application/json", body(letter)),
            Some(published) => match published.place(letter.first()) {
                Err(why) => return Sent::Later(why, None),
                Ok(None) => return Sent::Delivered("nothing to cancel".to_owned()),
                Ok(Some(placed)) => (
                    "application/cap+xml",
                    cap::to_xml(&placed.message).into_bytes(),
                ),
            },
        };
        // Stable over repeats, so that the receiver can drop them.
        let id = format!("msg_{}", letter.key.short());
        let timestamp = letter.wall.0.div_euclid(Time::SECOND);
        let signature = sign(&self.key, &id, timestamp, &body);
        let call = Call {
            method: Method::POST,
            url,
            headers: vec![
                ("content-type", kind.to_owned()),
                ("webhook-id", id),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", signature),
            ],
            body,
            allow_private: self.allow_private,
        };
        judge(self.http.call(call).await)
    }
}

/// Success is 2xx; 410 and other client errors are final, but those that ask for patience; a redirect is never followed.
pub(super) fn judge(answer: Result<Answer, Failed>) -> Sent {
    match answer {
        Err(Failed::Forbidden(why)) => Sent::Refused(why),
        Err(Failed::Unreachable(why)) => Sent::Later(why, None),
        Ok(answer) => {
            let told = format!("HTTP {}", answer.status);
            match answer.status {
                200..=299 => Sent::Delivered(told),
                300..=399 => Sent::Refused(format!("{told}: redirects are not followed")),
                408 | 425 | 429 => Sent::Later(told, answer.retry_after),
                400..=499 => Sent::Refused(format!("{told} {}", shortened(&answer.body))),
                _ => Sent::Later(told, answer.retry_after),
            }
        }
    }
}

fn body(letter: &Letter<'_>) -> Vec<u8> {
    let all = letter.all();
    let value = match all.as_slice() {
        [one] => json!({
            "type": one.kind(),
            "timestamp": letter.first().map(|content| content.at),
            "data": data(one),
        }),
        many => {
            let at = many.iter().map(|content| content.at).max();
            json!({
                "type": "notices.grouped",
                "timestamp": at,
                "data": {
                    "count": many.len(),
                    "title": text::group_subject(many),
                    "notices": many.iter().map(|content| brief(content)).collect::<Vec<_>>(),
                },
            })
        }
    };
    value.to_string().into_bytes()
}

fn brief(content: &Content) -> Value {
    json!({
        "type": content.kind(),
        "id": content.subject,
        "revision": content.revision,
        "severity": content.severity,
        "status": content.status,
        "at": content.at,
        "message": content.message,
    })
}

fn data(content: &Content) -> Value {
    let mut data = brief(content);
    let more = json!({
        "title": text::subject(content),
        "stream": content.stream,
        "cause": content.cause,
        "level": content.level,
        "areas": content.areas,
        "place": content.place,
        "since": content.since,
        "guidance": content.guidance,
        "value": content.value,
        "unit": content.unit,
        "unofficial": content.unofficial,
        "suspect": content.suspect,
        "estimate": content.estimate,
    });
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn the_published_vector_is_met() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
