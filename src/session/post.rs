//! A session's letters to the RIB: in order, and only so many of them under way.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::mailbox::RibMail;
use crate::rib::Command;

/// Letters that wait for their place in the mailbox.
pub(super) struct Post {
    rib: mpsc::Sender<RibMail>,
    waiting: VecDeque<RibMail>,
    tolls: Arc<Semaphore>,
    /// The wait for the first letter's place, where there was none at once.
    place: Option<Place>,
}

type Place = Pin<Box<dyn Future<Output = Option<Granted>> + Send>>;

/// A place in the mailbox, and the leave to have one more letter with routes there, if it is one.
type Granted = (OwnedPermit<RibMail>, Option<OwnedSemaphorePermit>);

impl Post {
    /// Letters for one shard, with so many at most that bring routes under way.
    pub(super) fn new(rib: mpsc::Sender<RibMail>, route_letters: usize) -> Self {
        Self {
            rib,
            waiting: VecDeque::new(),
            tolls: Arc::new(Semaphore::new(route_letters)),
            place: None,
        }
    }

    /// Adds a letter behind all others.
    pub(super) fn push_back(&mut self, letter: RibMail) {
        self.waiting.push_back(letter);
    }

    /// Whether letters wait for a place.
    pub(super) fn is_paused(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets the letters that wait.
    pub(super) fn clear(&mut self) {
        self.place = None;
        self.waiting = VecDeque::new();
    }

    /// Tells the RIB that half of a group's members have taken everything. Where its mailbox is full,
    /// it is awake and will see.
    pub(super) fn rouse(&self) {
        let _ = self.rib.try_send(RibMail::Rouse);
    }

    /// Sends what can be sent at once.
    pub(super) fn send(&mut self) {
        while self.place.is_none()
            && let Some(letter) = self.waiting.front()
        {
            let toll = match is_routes(letter) {
                true => match Arc::clone(&self.tolls).try_acquire_owned() {
                    Ok(toll) => Some(toll),
                    Err(_) => break,
                },
                false => None,
            };
            let Ok(permit) = self.rib.clone().try_reserve_owned() else {
                break;
            };
            self.send_first((permit, toll));
        }
        if self.waiting.is_empty() {
            self.waiting.shrink_to(WAITING_KEPT);
        }
    }

    /// Waits until the first letter is sent, if there is one; `false` once the RIB is gone, and the
    /// letters with it.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let Some(letter) = self.waiting.front() else {
            return Poll::Pending;
        };
        let (rib, tolls, pays) = (&self.rib, &self.tolls, is_routes(letter));
        let place = self.place.get_or_insert_with(|| {
            let (rib, tolls) = (rib.clone(), Arc::clone(tolls));
            Box::pin(async move {
                let toll = match pays {
                    true => Some(tolls.acquire_owned().await.ok()?),
                    false => None,
                };
                Some((rib.reserve_owned().await.ok()?, toll))
            })
        });
        let Poll::Ready(granted) = place.as_mut().poll(context) else {
            return Poll::Pending;
        };
        self.place = None;
        let is_there = granted.is_some();
        match granted {
            Some(granted) => self.send_first(granted),
            None => self.clear(),
        }
        Poll::Ready(is_there)
    }

    fn send_first(&mut self, (permit, toll): Granted) {
        match (self.waiting.pop_front(), toll) {
            (Some(RibMail::Command(Command::Routes(routes))), Some(toll)) => {
                permit.send(RibMail::Routes { routes, toll });
            }
            (Some(letter), _) => {
                permit.send(letter);
            }
            (None, _) => {}
        }
    }
}

impl std::fmt::Debug for Post {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Post")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

fn is_routes(letter: &RibMail) -> bool {
    matches!(letter, RibMail::Command(Command::Routes(_)))
}

/// Room for letters that an empty queue keeps.
const WAITING_KEPT: usize = 4;
