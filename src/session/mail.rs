//! Letters of one session on their way to the RIB's shards.

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::task::Poll;

use tokio::sync::mpsc;

use super::mailbox::{RibMail, RibMailboxes, RibReply};
use crate::net::PeerId;
use crate::rib::{Command, ShardId};

/// What waits for a place in the mailboxes, in order for each shard.
#[derive(Debug)]
pub(super) struct Mail {
    mailboxes: RibMailboxes,
    queues: Vec<VecDeque<RibMail>>,
}

/// A shard is gone, and the process with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Mail {
    pub(super) fn new(mailboxes: RibMailboxes) -> Self {
        let count = mailboxes.sharding().count();
        Self {
            mailboxes,
            queues: (0..count).map(|_| VecDeque::new()).collect(),
        }
    }

    /// Where the letters go.
    pub(super) const fn mailboxes(&self) -> &RibMailboxes {
        &self.mailboxes
    }

    /// Queues a command for whichever shards it concerns.
    pub(super) fn command(&mut self, command: Command) {
        let queues = &mut self.queues;
        let sharding = self.mailboxes.sharding();
        sharding.deliver(command, |shard, command| {
            queues[shard.index()].push_back(RibMail::Command(command));
        });
    }

    /// Queues a letter for one shard.
    pub(super) fn letter(&mut self, shard: ShardId, letter: RibMail) {
        self.queues[shard.index()].push_back(letter);
    }

    /// Tells all shards where replies go from here on.
    pub(super) fn attach(&mut self, peer: PeerId, replies: &mpsc::Sender<(ShardId, RibReply)>) {
        for queue in &mut self.queues {
            let replies = replies.clone();
            queue.push_back(RibMail::Attach { peer, replies });
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.queues.iter_mut().for_each(VecDeque::clear);
    }

    /// Sends what there is room for.
    pub(super) fn send_more(&mut self) {
        let Self { mailboxes, queues } = self;
        for (queue, mailbox) in queues.iter_mut().zip(mailboxes.iter()) {
            while !queue.is_empty() {
                let Ok(permit) = mailbox.try_reserve() else {
                    break;
                };
                if let Some(letter) = queue.pop_front() {
                    permit.send(letter);
                }
            }
        }
    }

    /// Waits for a place in any mailbox that something waits for, and sends one letter. Nothing is lost
    /// where this is dropped.
    pub(super) async fn send_one(&mut self) -> Result<(), Gone> {
        let Self { mailboxes, queues } = self;
        let waiting = queues.iter().zip(mailboxes.iter()).enumerate();
        let waiting = waiting.filter(|(_, (queue, _))| !queue.is_empty());
        let mut places: Vec<_> = waiting
            .map(|(at, (_, mailbox))| Box::pin(async move { (at, mailbox.reserve().await) }))
            .collect();
        if places.is_empty() {
            return pending().await;
        }
        let (at, place) = poll_fn(|context| {
            let mut ready = places.iter_mut().map(|place| place.as_mut().poll(context));
            ready.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await;
        let permit = place.map_err(|_| Gone)?;
        if let Some(letter) = queues[at].pop_front() {
            permit.send(letter);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Family;
    use crate::rib::Sharding;

    fn end_of_rib() -> Command {
        Command::EndOfRib {
            peer: PeerId(1),
            family: Family::Ipv4,
        }
    }

    #[tokio::test]
    async fn a_full_mailbox_holds_up_its_own_letters_only() {
        let (senders, mut letters): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::channel(1)).unzip();
        let mailboxes = RibMailboxes::new(Sharding::new(2, 0), senders);
        let mut mail = Mail::new(mailboxes);
        for _ in 0..3 {
            mail.command(end_of_rib());
        }
        mail.send_more();
        for _ in 0..2 {
            letters[1].recv().await.expect("a letter");
            mail.send_one().await.expect("a place");
        }
        letters[1].recv().await.expect("the third letter");
        assert_eq!(mail.queues[1].len(), 0);
        assert_eq!(mail.queues[0].len(), 2);
        letters[0].recv().await.expect("a letter");
        mail.send_one().await.expect("a place");
        assert_eq!(mail.queues[0].len(), 1);
        letters.clear();
        assert_eq!(mail.send_one().await, Err(Gone));
    }
}
