//! Zalo notification service, in the shape of the direct call: a template with slots to a phone number.
//!
//! The shape is of the domain reference (11.3): confidence H for the fields, M for the direct call, L for the sending window. An
//! answer of 200 with `error` other than 0 is a failure. The codes below are as commonly documented (M) and can be overruled in the
//! directory. Never personal data in `template_data`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event::{Severity, Time};
use hyper::Method;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::http::{Answer, Call, Failed, Http};
use super::tokens::Tokens;
use super::{Letter, Sent, shortened};
use crate::Secret;
use crate::directory::{ZaloConfig, local_day};
use crate::letter::Content;
use crate::text;

/// A token this close to its end is refreshed first.
const EARLY_NS: i64 = 60 * Time::SECOND;
const DAY_S: i64 = 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The access token is not valid (any more).
    Token,
    Refused,
    /// Quota or hours.
    Unusable,
    Later,
}

pub(super) struct Zalo {
    config: ZaloConfig,
    secret: Secret,
    http: Arc<Http>,
    zone_seconds: i32,
    errors: BTreeMap<i64, Meaning>,
    /// One refresh at a time: a token is used once.
    tokens: Mutex<Tokens>,
}

/// `84…` of `0…`, `+84…` or `84…`.
pub(crate) fn phone_84(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '.' | '-'))
        .collect();
    let rest = digits
        .strip_prefix("+84")
        .or_else(|| digits.strip_prefix("84"))
        .or_else(|| digits.strip_prefix('0'))?;
    let sound = (8..=10).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| format!("84{rest}"))
}

impl Zalo {
    pub(super) fn new(
        name: &str,
        config: &ZaloConfig,
        (secret, refresh): (Secret, Secret),
        http: Arc<Http>,
        (dir, zone_seconds): (&Path, i32),
    ) -> Result<Self, String> {
        let mut errors: BTreeMap<i64, Meaning> = [
            (-124, Meaning::Token),
            (-216, Meaning::Token),
            (-133, Meaning::Unusable),
            (-144, Meaning::Unusable),
            (-147, Meaning::Unusable),
            (-115, Meaning::Unusable),
            (-100, Meaning::Later),
            (-32, Meaning::Later),
        ]
        .into();
        for (code, meaning) in &config.errors {
            let code = code
                .parse()
                .map_err(|_| format!("errors: {code} is no number"))?;
            let meaning = match meaning.as_str() {
                "token" => Meaning::Token,
                "refused" => Meaning::Refused,
                "unusable" => Meaning::Unusable,
                "later" => Meaning::Later,
                other => {
                    return Err(format!(
                        "errors: {other}: write later, refused, unusable or token"
                    ));
                }
            };
            errors.insert(code, meaning);
        }
        let path = dir.join(format!("zalo-{name}.json"));
        Ok(Self {
            config: config.clone(),
            secret,
            http,
            zone_seconds,
            errors,
            tokens: Mutex::new(Tokens::open(&path, refresh.reveal())?),
        })
    }

    pub(super) async fn send(&self, letter: &Letter<'_>) -> Sent {
        let Some(phone) = letter.person.phone.as_deref().and_then(phone_84) else {
            return Sent::Refused("no phone number".to_owned());
        };
        if let Some(unusable) = self.closed(letter) {
            return unusable;
        }
        // Held over the request: quota and token belong to one sender at a time.
        let mut tokens = self.tokens.lock().await;
        let day = local_day(letter.now, self.zone_seconds);
        if tokens.kept.day != day {
            (tokens.kept.day, tokens.kept.sent, tokens.kept.used_up) = (day, 0, false);
        }
        let quota = self.config.quota_per_day;
        if tokens.kept.used_up || (quota > 0 && tokens.kept.sent >= quota) {
            return Sent::Unusable(
                "the quota of the day is used up".to_owned(),
                Some(self.to_midnight(letter.now)),
            );
        }
        let mut refreshed = false;
        loop {
            if tokens.kept.access_token.is_empty()
                || tokens.kept.expires.saturating_sub(EARLY_NS) <= letter.wall.0
            {
                if refreshed {
                    return Sent::Later("the new access token is not valid".to_owned(), None);
                }
                refreshed = true;
                if let Err(failed) = self.refresh(&mut tokens, letter.wall).await {
                    return failed;
                }
            }
            let answer = self.post(&phone, &tokens.kept.access_token, letter).await;
            let (code, told, remaining) = match read(answer) {
                Ok(read) => read,
                Err(sent) => return sent,
            };
            if code == 0 {
                tokens.kept.sent += 1;
                tokens.kept.used_up |= remaining == Some(0);
                // It is sent; that the count is not kept harms less than sending it again.
                let _ = tokens.store();
                return Sent::Delivered(told);
            }
            match self.errors.get(&code).copied().unwrap_or(Meaning::Refused) {
                Meaning::Token if !refreshed => tokens.kept.access_token.clear(),
                Meaning::Token | Meaning::Later => return Sent::Later(told, None),
                Meaning::Refused => return Sent::Refused(told),
                Meaning::Unusable => {
                    return Sent::Unusable(told, Some(self.to_midnight(letter.now)));
                }
            }
        }
    }

    fn closed(&self, letter: &Letter<'_>) -> Option<Sent> {
        let hours = self.config.hours?;
        let exempt = self.config.critical_any_hour && letter.severity() == Severity::Critical;
        if exempt || hours.contain(letter.now, self.zone_seconds) {
            return None;
        }
        let open = hours.begin_after(letter.now, self.zone_seconds);
        let wait = u64::try_from(open.since(letter.now) / Time::SECOND).unwrap_or(0);
        Some(Sent::Unusable(
            "outside the sending hours".to_owned(),
            Some(Duration::from_secs(wait)),
        ))
    }

    fn to_midnight(&self, now: Time) -> Duration {
        let local = now.0.div_euclid(Time::SECOND) + i64::from(self.zone_seconds);
        Duration::from_secs(u64::try_from(DAY_S - local.rem_euclid(DAY_S)).unwrap_or(60))
    }

    async fn refresh(&self, tokens: &mut Tokens, wall: Time) -> Result<(), Sent> {
        let form = format!(
            "refresh_token={}&app_id={}&grant_type=refresh_token",
            super::sms::form_escaped(&tokens.kept.refresh_token),
            super::sms::form_escaped(&self.config.app_id)
        );
        let call = Call {
            method: Method::POST,
            url: &self.config.token_url,
            headers: vec![
                (
                    "content-type",
                    "application/x-www-form-urlencoded".to_owned(),
                ),
                ("secret_key", self.secret.reveal().to_owned()),
            ],
            body: form.into_bytes(),
            allow_private: self.config.allow_private,
        };
        let later = |why: String| Sent::Later(format!("refreshing the token: {why}"), None);
        let answer = match self.http.call(call).await {
            Ok(answer) => answer,
            Err(Failed::Forbidden(why)) => return Err(Sent::Refused(why)),
            Err(Failed::Unreachable(why)) => return Err(later(why)),
        };
        let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let (access, next) = (text("access_token"), text("refresh_token"));
        if access.is_empty() || next.is_empty() {
            // Not the body: it may hold a token.
            return Err(later(format!(
                "HTTP {}, error {}",
                answer.status,
                value.get("error").cloned().unwrap_or_default()
            )));
        }
        let seconds = number(value.get("expires_in"))
            .unwrap_or(3_600)
            .clamp(120, 1 << 31);
        tokens.kept.access_token = access.to_owned();
        tokens.kept.refresh_token = next.to_owned();
        tokens.kept.expires = wall.plus(seconds.saturating_mul(Time::SECOND)).0;
        tokens.store().map_err(later)
    }

    async fn post(&self, phone: &str, token: &str, letter: &Letter<'_>) -> Result<Answer, Failed> {
        let mut body = json!({
            "phone": phone,
            "template_id": self.config.template_id,
            "template_data": self.slots(letter),
            "tracking_id": letter.key.short(),
        });
        if self.config.development
            && let Some(body) = body.as_object_mut()
        {
            body.insert("mode".to_owned(), "development".into());
        }
        self.http
            .call(Call {
                method: Method::POST,
                url: &self.config.url,
                headers: vec![
                    ("content-type", "application/json".to_owned()),
                    ("access_token", token.to_owned()),
                ],
                body: body.to_string().into_bytes(),
                allow_private: self.config.allow_private,
            })
            .await
    }

    fn slots(&self, letter: &Letter<'_>) -> Map<String, Value> {
        let all = letter.all();
        let Some(first) = all
            .iter()
            .min_by_key(|content| (content.severity, content.at))
        else {
            return Map::new();
        };
        let fill = |what: &str| -> String {
            let text = match what {
                "place" => first.place.vi.clone(),
                "hazard" => first.cause.clone().unwrap_or_else(|| first.kind()),
                "level" => format!("{:?}", first.severity).to_lowercase(),
                "time" => text::clock_text(first.since, self.zone_seconds),
                "action" => first.guidance.vi.clone(),
                "key" => letter.key.short(),
                "count" => all.len().to_string(),
                _ => message(&all),
            };
            text.chars().take(self.config.slot_chars_max).collect()
        };
        self.config
            .slots
            .iter()
            .map(|(slot, what)| (slot.clone(), Value::String(fill(what))))
            .collect()
    }
}

fn message(all: &[&Content]) -> String {
    match all {
        [one] => text::subject(one).vi,
        many => text::group_subject(many).vi,
    }
}

fn number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Error code, words, and what is left of the quota.
fn read(answer: Result<Answer, Failed>) -> Result<(i64, String, Option<i64>), Sent> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Failed::Forbidden(why)) => return Err(Sent::Refused(why)),
        Err(Failed::Unreachable(why)) => return Err(Sent::Later(why, None)),
    };
    if answer.status >= 500 || answer.status == 429 {
        let told = format!("HTTP {}", answer.status);
        return Err(Sent::Later(told, answer.retry_after));
    }
    let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let Some(code) = number(value.get("error").or_else(|| value.get("error_code"))) else {
        return Err(Sent::Later(
            format!("HTTP {} without an error code", answer.status),
            None,
        ));
    };
    let words = value
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let remaining = number(value.pointer("/data/quota/remainingQuota"));
    Ok((code, shortened(&format!("error {code} {words}")), remaining))
}
