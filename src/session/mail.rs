//! Letters of one session on their way to the RIB's shards.

use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::mailbox::{RibMail, RibMailboxes, RibReply};
use super::post::Post;
use crate::net::PeerId;
use crate::rib::{Command, ShardId, Sharding};

/// How much of what one peer sends is under way at a time: so much stands before what another one has to
/// say, however fast the first one sends.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Octets read at a time.
    octets: usize,
    /// Letters with routes in each shard's mailbox.
    letters: usize,
}

impl Pace {
    /// A shard on the sessions' own thread takes each letter at once, and nothing is won by larger ones: a
    /// read costs some 2 µs, and the several hundred routes that it brings, 300. With shards on other
    /// threads each letter costs a wake-up, and the next one is parsed while one is worked on.
    const fn of(sharding: Sharding) -> Self {
        match sharding.count() {
            1 => Self {
                octets: 4096,
                letters: 1,
            },
            _ => Self {
                octets: 64 * 1024,
                letters: 3,
            },
        }
    }
}

/// What waits for a place in the mailboxes, in order for each shard.
#[derive(Debug)]
pub(super) struct Mail {
    sharding: Sharding,
    pace: Pace,
    posts: Vec<Post>,
}

impl Mail {
    pub(super) fn new(mailboxes: &RibMailboxes) -> Self {
        let pace = Pace::of(mailboxes.sharding());
        Self {
            sharding: mailboxes.sharding(),
            pace,
            posts: mailboxes
                .iter()
                .map(|mailbox| Post::new(mailbox.clone(), pace.letters))
                .collect(),
        }
    }

    /// How prefixes are spread over shards.
    pub(super) const fn sharding(&self) -> Sharding {
        self.sharding
    }

    /// How much to read at a time.
    pub(super) const fn read_octets(&self) -> usize {
        self.pace.octets
    }

    /// Adds a command for whichever shards it concerns.
    pub(super) fn command(&mut self, command: Command) {
        let posts = &mut self.posts;
        self.sharding.deliver(command, |shard, command| {
            posts[shard.index()].push_back(RibMail::Command(command));
        });
    }

    /// Adds a letter for one shard.
    pub(super) fn letter(&mut self, shard: ShardId, letter: RibMail) {
        self.posts[shard.index()].push_back(letter);
    }

    /// Tells all shards where replies go from here on.
    pub(super) fn attach(&mut self, peer: PeerId, replies: &mpsc::Sender<(ShardId, RibReply)>) {
        for post in &mut self.posts {
            let replies = replies.clone();
            post.push_back(RibMail::Attach { peer, replies });
        }
    }

    /// Whether letters wait for a place.
    pub(super) fn is_paused(&self) -> bool {
        self.posts.iter().any(Post::is_paused)
    }

    /// Forgets the letters that wait.
    pub(super) fn clear(&mut self) {
        self.posts.iter_mut().for_each(Post::clear);
    }

    /// Tells a shard that half of a group's members have taken everything.
    pub(super) fn rouse(&self, shard: ShardId) {
        self.posts[shard.index()].rouse();
    }

    /// Sends what can be sent at once.
    pub(super) fn send(&mut self) {
        self.posts.iter_mut().for_each(Post::send);
    }

    /// Waits until some shard's first letter is sent; `false` once that shard is gone.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut polls = self.posts.iter_mut().map(|post| post.poll_send(context));
        polls.find(Poll::is_ready).unwrap_or(Poll::Pending)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::net::Family;

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
        let mut mail = Mail::new(&mailboxes);
        for _ in 0..3 {
            mail.command(end_of_rib());
        }
        mail.send();
        for _ in 0..2 {
            letters[1].recv().await.expect("a letter");
            assert!(poll_fn(|context| mail.poll_send(context)).await);
        }
        letters[1].recv().await.expect("the third letter");
        assert!(!mail.posts[1].is_paused() && mail.posts[0].is_paused());
        letters[0].recv().await.expect("a letter");
        assert!(poll_fn(|context| mail.poll_send(context)).await);
        letters.clear();
        assert!(!poll_fn(|context| mail.poll_send(context)).await);
        assert!(!mail.is_paused());
    }
}
