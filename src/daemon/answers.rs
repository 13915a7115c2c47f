//! Joins the control API's questions to the rooms that answer them.

use tokio::sync::{mpsc, oneshot};

use crate::control::{BoxFuture, FibQueries, OperateError, Operators, QueryError, RibQueries};
use crate::fib::{FibInput, FibRow};
use crate::net::Prefix;
use crate::plan::PeerName;
use crate::rib::{Answer, Query};
use crate::session::OperatorAction;
use crate::speaker::{Operation, RibHandle};

/// Prefixes that the kernel's writer lists between two of its turns.
const ROWS_A_PAGE: usize = 256;

/// The RIB.
pub(super) struct RibAnswers(pub(super) RibHandle);

impl RibQueries for RibAnswers {
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryError>> {
        Box::pin(async move { self.0.ask(query).await.ok_or(QueryError::Gone("the RIB")) })
    }
}

/// The sessions, as operators reach them.
pub(super) struct Sessions(pub(super) mpsc::Sender<Operation>);

impl Operators for Sessions {
    fn operate(
        &self,
        peer: PeerName,
        action: OperatorAction,
    ) -> BoxFuture<'_, Result<String, OperateError>> {
        Box::pin(async move {
            let gone = QueryError::Gone("the session");
            let (reply, answer) = oneshot::channel();
            let operation = Operation {
                peer,
                action,
                reply,
            };
            self.0.send(operation).await.map_err(|_| gone)?;
            Ok(answer.await.map_err(|_| gone)??)
        })
    }
}

/// The kernel's writer, where there is one.
pub(super) struct KernelAnswers(pub(super) Option<mpsc::Sender<FibInput>>);

impl FibQueries for KernelAnswers {
    fn row(&self, prefix: Prefix) -> BoxFuture<'_, Result<Option<FibRow>, QueryError>> {
        Box::pin(async move {
            let Some(writer) = &self.0 else {
                return Ok(None);
            };
            let gone = QueryError::Gone("the kernel's route writer");
            let (reply, row) = oneshot::channel();
            let question = FibInput::Row { prefix, reply };
            writer.send(question).await.map_err(|_| gone)?;
            row.await.map_err(|_| gone)
        })
    }

    fn rows(&self) -> BoxFuture<'_, Result<Vec<FibRow>, QueryError>> {
        Box::pin(async move {
            let Some(writer) = &self.0 else {
                return Ok(vec![]);
            };
            let gone = QueryError::Gone("the kernel's route writer");
            let mut all: Vec<FibRow> = Vec::new();
            loop {
                let after = all.last().map(|row| row.prefix);
                let (reply, page) = oneshot::channel();
                let question = FibInput::Rows {
                    after,
                    max: ROWS_A_PAGE,
                    reply,
                };
                writer.send(question).await.map_err(|_| gone)?;
                let page = page.await.map_err(|_| gone)?;
                let last = page.len() < ROWS_A_PAGE;
                all.extend(page);
                if last {
                    return Ok(all);
                }
            }
        })
    }
}
