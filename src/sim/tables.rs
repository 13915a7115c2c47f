//! Questions to a speaker at rest.

use std::collections::BTreeMap;

use super::link::Network;
use super::speaker::Speaker;
use crate::net::{Family, Prefix};
use crate::rib::{Answer, Command, Query, RouteRow, RouteTable, RoutesQuery};

impl Speaker {
    /// Asks the shards a question, at rest.
    pub(super) fn ask(&mut self, network: &mut Network, query: Query) -> Answer {
        let now = network.clock.now();
        self.core.rib.handle(now, Command::Query { id: 0, query });
        self.settle(network);
        self.answers.pop().expect("a question is answered at once")
    }

    /// A whole table, page by page.
    pub(super) fn routes(
        &mut self,
        network: &mut Network,
        table: RouteTable,
        family: Family,
    ) -> BTreeMap<Prefix, RouteRow> {
        let mut rows = BTreeMap::new();
        let mut start = 0;
        loop {
            let query = Query::Routes(RoutesQuery {
                table,
                family,
                prefix: None,
                longer: false,
                start,
                limit: 256,
            });
            let Answer::Routes(page) = self.ask(network, query) else {
                unreachable!("routes were asked for");
            };
            for row in page.rows {
                let again = rows.insert(row.prefix, row);
                assert!(again.is_none(), "a prefix is listed once");
            }
            match page.next {
                Some(next) => start = next,
                None => return rows,
            }
        }
    }
}
