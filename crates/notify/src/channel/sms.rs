//! A gateway for text messages: any HTTP request with places to fill.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;

use super::http::{Call, Http};
use super::webhook::judge;
use super::zalo::phone_84;
use super::{Letter, Sent, shortened};
use crate::Secret;
use crate::directory::SmsConfig;
use crate::text;

pub(super) struct Sms {
    config: SmsConfig,
    method: Method,
    secret: Secret,
    http: Arc<Http>,
}

/// How a value is written where it goes.
#[derive(Clone, Copy)]
enum Form {
    Url,
    Json,
    Header,
}

impl Sms {
    pub(super) fn new(config: &SmsConfig, secret: Secret, http: Arc<Http>) -> Result<Self, String> {
        let method = config
            .method
            .parse()
            .map_err(|_| format!("method: {} is none", config.method))?;
        if !(1..=10).contains(&config.segments_max) {
            return Err("segments_max: 1 to 10".to_owned());
        }
        super::http::check(config.url.split(['?', '{']).next().unwrap_or_default())
            .map_err(|why| format!("url: {why}"))?;
        Ok(Self {
            config: config.clone(),
            method,
            secret,
            http,
        })
    }

    pub(super) async fn send(&self, letter: &Letter<'_>) -> Sent {
        let Some(phone) = letter.person.phone.as_deref().and_then(phone_84) else {
            return Sent::Refused("no phone number".to_owned());
        };
        let key = letter.key.short();
        let places = BTreeMap::from([
            ("phone", phone.as_str()),
            ("key", key.as_str()),
            ("secret", self.secret.reveal()),
        ]);
        let words = self.text(letter);
        let fill = |template: &str, form| filled(template, &places, &words, form);
        let json = self.config.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.contains("json")
        });
        let url = fill(&self.config.url, Form::Url);
        let headers = self
            .config
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), fill(value, Form::Header)))
            .collect();
        let body = fill(&self.config.body, if json { Form::Json } else { Form::Url });
        let answer = self
            .http
            .call(Call {
                method: self.method.clone(),
                url: &url,
                headers,
                body: body.into_bytes(),
                allow_private: self.config.allow_private,
            })
            .await;
        let wanted = &self.config.success_contains;
        match answer {
            Ok(answer)
                if (200..300).contains(&answer.status)
                    && !wanted.is_empty()
                    && !answer.body.contains(wanted.as_str()) =>
            {
                Sent::Refused(format!(
                    "HTTP {}: {}",
                    answer.status,
                    shortened(&answer.body)
                ))
            }
            other => judge(other),
        }
    }

    fn text(&self, letter: &Letter<'_>) -> String {
        let all = letter.all();
        let words = match all.as_slice() {
            [one] => format!("{}. {}", text::subject(one).vi, one.guidance.vi),
            many => text::group_subject(many).vi,
        };
        let words = words.replace(['\r', '\n'], " ");
        let words = if self.config.plain {
            text::plain(&words)
        } else {
            words
        };
        text::cut(&words, self.config.segments_max)
    }
}

/// One pass over the template: what is filled in is never looked at again.
fn filled(template: &str, places: &BTreeMap<&str, &str>, text: &str, form: Form) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let value = after.split_once('}').and_then(|(name, tail)| {
            let value = if name == "text" {
                text
            } else {
                places.get(name)?
            };
            Some((value, tail))
        });
        match value {
            Some((value, tail)) => {
                out.push_str(&escaped(value, form));
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn escaped(value: &str, form: Form) -> String {
    match form {
        Form::Url => form_escaped(value),
        Form::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
                .unwrap_or_default()
                .to_owned()
        }
        Form::Header => value
            .chars()
            .filter(|letter| !letter.is_control())
            .collect(),
    }
}

/// Percent-encoded: everything but letters, digits and `-._~`.
pub(super) fn form_escaped(value: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
