//! The body of the fuzz target that drives session machines by script, and the models it shares with
//! the property tests.
//!
//! A script is octets: the first chooses between one machine whose peer does anything ([`Owner`]) and
//! two machines that talk to each other over a link ([`World`]).

mod owner;
mod script;
#[cfg(test)]
mod tests;
mod world;

#[cfg(test)]
pub(super) use owner::{Letter, Word};

pub(super) use owner::Owner;
use world::World;

use std::time::Instant;

use super::event::Received;
use crate::wire::fuzzing::Draw;
use crate::wire::{DecodeContext, Message, decode};

/// Runs the script that `data` spells, from `begin` on, which only stands for "now".
pub fn session_script(begin: Instant, data: &[u8]) {
    let mut draw = Draw::new(data);
    match draw.flag() {
        false => {
            let config = script::config(&mut draw, 1, 2);
            let seed = draw.octet().into();
            let mut owner = Owner::new(config, seed, begin);
            while !draw.is_empty() {
                owner.say(&script::word(&mut draw));
            }
        }
        true => {
            let [first, second] = script::pair(&mut draw);
            let mut world = World::new([first, second], begin);
            while !draw.is_empty() {
                script::turn(&mut draw, &mut world);
            }
            world.come_to_rest();
        }
    }
}

/// A whole message as the machine hears of it.
fn received(octets: &[u8], context: &DecodeContext) -> Received {
    match decode(octets, context) {
        Ok(Message::Open(open)) => Received::Open(open),
        Ok(Message::Update(_)) => Received::Update,
        Ok(Message::Notification(notification)) => Received::Notification(notification),
        Ok(Message::Keepalive) => Received::Keepalive,
        Ok(Message::RouteRefresh(refresh)) => Received::RouteRefresh(refresh),
        Err(error) => Received::Faulty(error),
    }
}
