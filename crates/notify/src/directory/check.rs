//! What is wrong with a directory that could be read.

use super::{CHANNELS_MAX, ChannelConfig, Directory, Mistake, PEOPLE_MAX, ROUTES_MAX};
use crate::channel::{check_webhook_address, phone_84};

pub(super) fn check(directory: &Directory) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    for (what, count, most) in [
        ("channels", directory.channels.len(), CHANNELS_MAX),
        ("people", directory.people.len(), PEOPLE_MAX),
        ("routes", directory.routes.len(), ROUTES_MAX),
    ] {
        if count > most {
            wrong.push(format!("{count} {what}; at most {most} are allowed"));
        }
    }
    if !cap::is_token(&directory.cap.sender) {
        wrong.push("cap.sender: no spaces, commas, < or & (CAP 1.2)".to_owned());
    }
    for name in directory
        .channels
        .keys()
        .chain(directory.people.keys())
        .chain(directory.groups.keys())
    {
        let sound = !name.is_empty()
            && name.len() <= 64
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !sound {
            wrong.push(format!(
                "{name:?}: ids are letters, digits, - and _, at most 64"
            ));
        }
    }
    people(directory, &mut wrong);
    groups_and_routes(directory, &mut wrong);
    wrong
        .into_iter()
        .map(|message| Mistake { line: 0, message })
        .collect()
}

fn people(directory: &Directory, wrong: &mut Vec<String>) {
    for (id, person) in &directory.people {
        for channel in person.chain.iter().chain(&person.also) {
            let Some(config) = directory.channels.get(channel) else {
                wrong.push(format!("people.{id}: there is no channel {channel}"));
                continue;
            };
            let lacks = match config {
                ChannelConfig::Webhook(_) => match &person.webhook {
                    None => Some("a webhook address".to_owned()),
                    Some(url) => check_webhook_address(url).err(),
                },
                ChannelConfig::Email(_) => match &person.email {
                    None => Some("an e-mail address".to_owned()),
                    Some(email) => email
                        .parse::<lettre::Address>()
                        .err()
                        .map(|_| "a valid e-mail address".to_owned()),
                },
                ChannelConfig::Zalo(_) | ChannelConfig::Sms(_) => person
                    .phone
                    .as_deref()
                    .and_then(phone_84)
                    .is_none()
                    .then(|| "a phone number (0…, +84… or 84…)".to_owned()),
                ChannelConfig::Cap(_) => None,
            };
            if let Some(lacks) = lacks {
                wrong.push(format!("people.{id}: channel {channel} wants {lacks}"));
            }
        }
        if person.chain.is_empty() && person.also.is_empty() {
            wrong.push(format!("people.{id}: no channel: name some in chain"));
        }
    }
}

fn groups_and_routes(directory: &Directory, wrong: &mut Vec<String>) {
    for (id, group) in &directory.groups {
        for person in &group.people {
            if !directory.people.contains_key(person) {
                wrong.push(format!("groups.{id}: there is no person {person}"));
            }
        }
        if directory.people.contains_key(id) {
            wrong.push(format!("groups.{id}: a person has the same id"));
        }
    }
    for (at, route) in directory.routes.iter().enumerate() {
        let at = at + 1;
        if route.to.is_empty() {
            wrong.push(format!("route {at}: to is empty"));
        }
        for name in &route.to {
            if !directory.people.contains_key(name) && !directory.groups.contains_key(name) {
                wrong.push(format!("route {at}: there is no person or group {name}"));
            }
        }
        if let Some(position) = &route.position
            && !directory.positions.contains_key(position)
        {
            wrong.push(format!("route {at}: there is no position {position}"));
        }
    }
}
