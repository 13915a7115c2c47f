//! Response bodies: whole, or page by page.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// Pages made ahead of a reader.
const PAGES_AHEAD: usize = 2;

/// The body of a response.
#[derive(Debug)]
pub(super) enum ResponseBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// Page by page; an error cuts the connection, so that a listing which lacks something never
    /// looks complete.
    Pages(mpsc::Receiver<io::Result<Bytes>>),
}

impl ResponseBody {
    /// A body that is sent at once.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    /// A body whose pages come through the other end; sending waits while the reader is slow.
    pub(super) fn pages() -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
        (sender, Self::Pages(receiver))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pages(pages) => pages
                .poll_recv(context)
                .map(|page| page.map(|page| page.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                hyper::body::SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Pages(_) => hyper::body::SizeHint::default(),
        }
    }
}
