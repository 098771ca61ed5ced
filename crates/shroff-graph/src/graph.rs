//! The graph itself: lines of payments by account, direction and layer.
//!
//! Accounts are spread over shards by their number, so that threads can take payments in side by
//! side: each works on its own shards, and no lock is needed. Which shard an account is in
//! changes no answer.

use prefetch_index::prefetch_index;
use shroff_types::{AccountId, Place, Span, Timestamp};

use crate::line::{Edge, Edges, Key, Line, Near, View, minor_of};
use crate::store::Store;

/// How many shards a graph has. A power of two, and enough for threads to share evenly.
pub const SHARDS: usize = 64;
/// Accounts of a page, which is given back once they are all idle: 1 kB.
const PAGE: usize = 32;

/// A direction in which payments pass an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Payments that leave it.
    Out,
    /// Payments that reach it.
    In,
}

/// A payment on its way into the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Who pays.
    pub debtor: AccountId,
    /// Who is paid.
    pub creditor: AccountId,
    /// How much, in minor units of the base currency, zero or more.
    pub minor: i128,
    /// Where it stands in the order.
    pub key: Key,
}

/// The lines of one account, in one line of the cache.
#[derive(Debug, Default, Clone)]
#[repr(align(32))]
struct Node {
    out: Line,
    into: Line,
}

impl Node {
    fn line(&self, way: Way) -> &Line {
        match way {
            Way::Out => &self.out,
            Way::In => &self.into,
        }
    }

    fn line_mut(&mut self, way: Way) -> &mut Line {
        match way {
            Way::Out => &mut self.out,
            Way::In => &mut self.into,
        }
    }
}

type Page = [Node; PAGE];

/// Amounts that 63 bits do not hold, such as of ether.
#[derive(Debug, Default, Clone)]
struct Wide {
    slots: Vec<i128>,
    free: Vec<usize>,
}

impl Wide {
    fn put(&mut self, minor: i128) -> i64 {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(minor);
        } else {
            self.slots[slot] = minor;
        }
        !i64::try_from(slot).expect("fits memory")
    }

    /// Takes the slot of a payment back, if it has one.
    fn give(&mut self, edge: &Edge) {
        if edge.minor < 0 {
            self.free.push(usize::try_from(!edge.minor).expect("the complement of a slot"));
        }
    }
}

/// The payments of one layer in a shard.
#[derive(Debug, Default, Clone)]
struct Layer {
    pages: Vec<Option<Box<Page>>>,
    /// Of each page, how many lines are not empty: apart from them, for it is looked at more often.
    busy: Vec<u8>,
    store: Store,
    wide: Wide,
    /// The time of the oldest payment that was ever taken in.
    earliest: Option<Timestamp>,
}

/// The accounts of one shard: what one thread works on.
// Threads count in shards side by side: two in one line of the cache would slow both.
#[derive(Debug, Clone)]
#[repr(align(128))]
pub struct Shard {
    layers: Vec<Layer>,
    /// The next page to look at for payments that left.
    hand: usize,
    /// Payments taken in since one was looked at.
    due: usize,
}

/// Payments of a sliding window, by account and direction.
///
/// A layer holds all of them, and each further one those that its owner chose. Costs 48 bytes a
/// payment and layer (and up to half as much for growth), and 32 an account.
#[derive(Debug, Clone)]
pub struct Graph {
    shards: Vec<Shard>,
}

/// Which shard an account is in.
#[inline]
pub fn shard_of(account: AccountId) -> usize {
    account.0 as usize % SHARDS
}

#[inline]
fn position(account: AccountId) -> (usize, usize) {
    let at = account.0 as usize / SHARDS;
    (at / PAGE, at % PAGE)
}

impl Graph {
    /// An empty graph of so many layers.
    pub fn new(layers: usize) -> Graph {
        let shard = Shard { layers: vec![Layer::default(); layers], hand: 0, due: 0 };
        Graph { shards: vec![shard; SHARDS] }
    }

    /// Takes a payment into a layer.
    pub fn insert(&mut self, layer: usize, entry: Entry) {
        self.shards[shard_of(entry.debtor)].insert(layer, entry, Way::Out);
        self.shards[shard_of(entry.creditor)].insert(layer, entry, Way::In);
    }

    /// The shards, for threads to share.
    pub fn shards_mut(&mut self) -> &mut [Shard] {
        &mut self.shards
    }

    /// The payments of the first layer that left an account, of those that a view sees.
    #[inline]
    pub fn out(&self, account: AccountId, view: View) -> Edges<'_> {
        self.edges(0, (account, Way::Out), view)
    }

    /// The payments of the first layer that reached an account, of those that a view sees.
    #[inline]
    pub fn into(&self, account: AccountId, view: View) -> Edges<'_> {
        self.edges(0, (account, Way::In), view)
    }

    /// The payments of a layer that passed an account, of those that a view sees.
    #[inline]
    pub fn edges(&self, layer: usize, line: (AccountId, Way), view: View) -> Edges<'_> {
        self.shards[shard_of(line.0)].edges(layer, line, view)
    }

    /// An account in a layer.
    #[inline]
    pub fn account(&self, layer: usize, account: AccountId) -> Account<'_> {
        self.shards[shard_of(account)].account(layer, account)
    }

    /// Fetches an account of the first layer; see [`Shard::fetch`].
    #[inline]
    pub fn fetch(&self, account: AccountId) {
        self.shards[shard_of(account)].fetch(0, account);
    }

    /// One layer, for a search to walk.
    #[inline]
    pub fn sheet(&self, layer: usize) -> Sheet<'_> {
        Sheet { graph: self, layer }
    }

    /// Bytes that the payments and accounts take.
    pub fn bytes(&self) -> usize {
        self.shards.iter().flat_map(|shard| &shard.layers).map(Layer::bytes).sum()
    }

    /// Every payment held in a layer, ascending in order, those that left the window and were not
    /// let go included. Costs a sort.
    pub fn entries(&self, layer: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            for at in 0..shard.positions(layer) {
                let account = account(number, at);
                let edges = shard.edges(layer, (account, Way::Out), ALL);
                entries.extend(edges.iter().map(|edge| Entry {
                    debtor: account,
                    creditor: edge.other,
                    minor: edges.minor(edge),
                    key: edge.key(),
                }));
            }
        }
        entries.sort_unstable_by_key(|entry| entry.key);
        entries
    }
}

/// One layer of a graph: the payments that a search walks.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'g> {
    graph: &'g Graph,
    layer: usize,
}

impl<'g> Sheet<'g> {
    /// The payments that left an account, of those that a view sees.
    #[inline]
    pub fn out(self, account: AccountId, view: View) -> Edges<'g> {
        self.graph.edges(self.layer, (account, Way::Out), view)
    }

    /// The payments that reached an account, of those that a view sees.
    #[inline]
    pub fn into(self, account: AccountId, view: View) -> Edges<'g> {
        self.graph.edges(self.layer, (account, Way::In), view)
    }

    /// Whether a payment out of an account is on it. The first layer holds all, and is not asked.
    #[inline]
    pub(crate) fn holds(self, debtor: AccountId, view: View) -> bool {
        let last = || self.out(debtor, view).iter().next_back().map(Edge::key);
        self.layer == 0 || last() == Some(view.until)
    }
}

/// Sees everything.
const ALL: View = View {
    after: Key { time: Timestamp(i64::MIN), place: Place(0) },
    until: Key { time: Timestamp(i64::MAX), place: Place(u32::MAX) },
};

fn account(shard: usize, position: usize) -> AccountId {
    AccountId(u32::try_from(position * SHARDS + shard).expect("an account's own number"))
}

impl Shard {
    /// Takes in one end of a payment: the debtor's (`Out`) or the creditor's (`In`), whose shard
    /// this must be.
    #[inline]
    pub fn insert(&mut self, layer: usize, entry: Entry, way: Way) {
        let (whose, other) = match way {
            Way::Out => (entry.debtor, entry.creditor),
            Way::In => (entry.creditor, entry.debtor),
        };
        let Layer { pages, busy, store, wide, earliest } = &mut self.layers[layer];
        let minor = i64::try_from(entry.minor).unwrap_or_else(|_| wide.put(entry.minor));
        let Key { time, place } = entry.key;
        *earliest = Some(earliest.map_or(time, |earliest| earliest.min(time)));
        let (number, at) = position(whose);
        if pages.len() <= number {
            pages.resize(number + 1, None);
            busy.resize(number + 1, 0);
        }
        let page = pages[number].get_or_insert_default();
        let line = page[at].line_mut(way);
        if line.is_empty() {
            busy[number] += 1;
        }
        line.insert(Edge { time, minor, other, place }, store);
    }

    /// The payments of a layer that passed an account, of those that a view sees.
    #[inline]
    pub fn edges(&self, layer: usize, (account, way): (AccountId, Way), view: View) -> Edges<'_> {
        self.account(layer, account).edges(way, view)
    }

    /// An account in a layer.
    #[inline]
    pub fn account(&self, layer: usize, account: AccountId) -> Account<'_> {
        let Layer { pages, store, wide, .. } = &self.layers[layer];
        let (page, at) = position(account);
        let node = match pages.get(page) {
            Some(Some(page)) => Some(&page[at]),
            Some(None) | None => None,
        };
        Account { node, store, wide: &wide.slots }
    }

    /// Fetches an account, so that it is in the cache when it is looked at: a little later, or the
    /// look waits for memory as if nothing had been fetched. No answer depends on it.
    #[inline]
    pub fn fetch(&self, layer: usize, account: AccountId) {
        let (page, at) = position(account);
        if let Some(Some(page)) = self.layers[layer].pages.get(page) {
            prefetch_index(&page[..], at);
        }
    }

    /// Lets go of payments of a line at or before `time`.
    pub fn expire(&mut self, layer: usize, (account, way): (AccountId, Way), time: Timestamp) {
        let Layer { pages, store, wide, .. } = &mut self.layers[layer];
        let (number, at) = position(account);
        let Some(Some(page)) = pages.get_mut(number) else { return };
        let line = page[at].line_mut(way);
        if line.is_empty() {
            return;
        }
        line.expire(time, store, &mut |edge| wide.give(edge));
        let is_empty = line.is_empty();
        self.layers[layer].shrink(number, is_empty);
    }

    /// Takes one end of a payment out of a layer; whether it was there.
    pub fn remove(&mut self, layer: usize, (account, way): (AccountId, Way), key: Key) -> bool {
        let Layer { pages, store, wide, .. } = &mut self.layers[layer];
        let (number, at) = position(account);
        let Some(Some(page)) = pages.get_mut(number) else { return false };
        let line = page[at].line_mut(way);
        let Some(edge) = line.remove(key, store) else { return false };
        wide.give(&edge);
        let is_empty = line.is_empty();
        self.layers[layer].shrink(number, is_empty);
        true
    }

    /// Notes a number on a line that is not empty: see [`Account::mark`].
    pub fn set_mark(&mut self, layer: usize, (account, way): (AccountId, Way), mark: u32) {
        let (number, at) = position(account);
        if let Some(Some(page)) = self.layers[layer].pages.get_mut(number) {
            page[at].line_mut(way).set_mark(mark);
        }
    }

    /// Whether a layer may hold payments at or before `time`: it may not where none ever came, and no
    /// account need be looked at.
    #[inline]
    pub fn may_reach(&self, layer: usize, time: Timestamp) -> bool {
        self.layers[layer].earliest.is_some_and(|earliest| earliest <= time)
    }

    /// The accounts to look at next for payments that left: a page of the shard's in turn, so
    /// that those nobody touches again are let go. Asked once for each payment taken in, it gives
    /// some accounts once in a while.
    pub fn next_to_sweep(
        &mut self,
        number: usize,
    ) -> impl Iterator<Item = AccountId> + Clone + use<> {
        self.due += 1;
        let mut swept = 0..0;
        if self.due >= 2 * PAGE {
            self.due = 0;
            let pages = &self.layers[0].pages;
            // Pages of idle accounts are passed at once.
            let in_turn = (self.hand..pages.len()).chain(0..self.hand.min(pages.len()));
            if let Some(page) = in_turn.take(PAGE).find(|&page| pages[page].is_some()) {
                swept = page * PAGE..(page + 1) * PAGE;
                self.hand = page + 1;
            } else {
                self.hand += PAGE;
            }
            if self.hand >= pages.len() {
                self.hand = 0;
            }
            // So that the next page is at hand by then.
            if let Some(Some(page)) = pages.get(self.hand) {
                (0..PAGE).step_by(2).for_each(|at| prefetch_index(&page[..], at));
            }
        }
        swept.map(move |at| account(number, at))
    }

    fn positions(&self, layer: usize) -> usize {
        self.layers[layer].pages.len() * PAGE
    }
}

/// The lines of an account in a layer.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// None where it is idle.
    node: Option<&'a Node>,
    store: &'a Store,
    wide: &'a [i128],
}

impl<'a> Account<'a> {
    /// The payments that passed it, of those that a view sees.
    #[inline]
    pub fn edges(&self, way: Way, view: View) -> Edges<'a> {
        self.node.map_or(Edges::NONE, |node| node.line(way).view(view, self.store, self.wide))
    }

    /// As [`Account::edges`], looking near some place of a long line first; and where its ends
    /// were.
    #[inline]
    pub fn edges_near(&self, way: Way, view: View, near: Near) -> (Edges<'a>, Near) {
        match self.node {
            Some(node) => node.line(way).view_near((view, near), self.store, self.wide),
            None => (Edges::NONE, near),
        }
    }

    /// Whether a line holds more than `few` payments (128 at most), which costs no look at them.
    #[inline]
    pub fn is_longer(&self, way: Way, few: usize) -> bool {
        self.node.is_some_and(|node| node.line(way).is_longer(few))
    }

    /// What was noted on a line by [`Shard::set_mark`]: 0 where nothing was since it was empty.
    #[inline]
    pub fn mark(&self, way: Way) -> u32 {
        self.node.map_or(0, |node| node.line(way).mark())
    }

    /// Whether a line holds enough payments at or before `time` for [`Shard::expire`] to pay.
    #[inline]
    pub fn is_stale(&self, way: Way, time: Timestamp) -> bool {
        self.node.is_some_and(|node| node.line(way).is_stale(time, self.store))
    }

    /// Fetches what [`Shard::expire`] looks at.
    #[inline]
    pub fn fetch_oldest(&self, way: Way) {
        if let Some(node) = self.node {
            node.line(way).fetch_oldest(self.store);
        }
    }

    /// Fetches the newest payments of a short line, up to so many, and the place of the next; of a
    /// long line, what [`Account::fetch_blocks`] reads. See [`Shard::fetch`].
    #[inline]
    pub fn fetch_newest(&self, way: Way, count: usize) {
        if let Some(node) = self.node {
            node.line(way).fetch_newest(count, self.store);
        }
    }

    /// Of a long line, fetches what [`Account::fetch_ends`] reads.
    #[inline]
    pub fn fetch_blocks(&self, way: Way, near: Near) {
        if let Some(node) = self.node {
            node.line(way).fetch_blocks(near, self.store);
        }
    }

    /// About the oldest payment of what was seen of a line, and its amount.
    #[inline]
    pub fn oldest(&self, way: Way, near: Near) -> Option<(Edge, i128)> {
        let edge = self.node?.line(way).oldest(near, self.store)?;
        Some((edge, minor_of(&edge, self.wide)))
    }

    /// Fetches the oldest payment of what was seen of a line, and the place of the next.
    #[inline]
    pub fn fetch_ends(&self, way: Way, near: Near) {
        if let Some(node) = self.node {
            node.line(way).fetch_ends(near, self.store);
        }
    }
}

impl Layer {
    /// Payments have left a line of a page; `is_empty` says whether it was all of them.
    fn shrink(&mut self, page: usize, is_empty: bool) {
        if is_empty {
            self.busy[page] -= 1;
            if self.busy[page] == 0 {
                self.pages[page] = None;
            }
        }
        self.pack();
    }

    /// Moves what is held together, once most of the memory is free. Costs a step for each line that is
    /// held, which three times as much let go has paid for.
    fn pack(&mut self) {
        if !self.store.is_sparse() {
            return;
        }
        let mut old = std::mem::take(&mut self.store);
        for page in self.pages.iter_mut().flatten() {
            for Node { out, into } in &mut **page {
                out.move_to(&mut old, &mut self.store);
                into.move_to(&mut old, &mut self.store);
            }
        }
    }

    fn bytes(&self) -> usize {
        let nodes = self.pages.iter().flatten().count() * size_of::<Page>();
        let wide = self.wide.slots.capacity() * 16 + self.wide.free.capacity() * 8;
        let pages = self.pages.capacity() * (size_of::<Option<Box<Page>>>() + 1);
        self.store.bytes() + nodes + wide + pages
    }
}

/// What the payment that closes a pattern sees of a window.
#[inline]
pub(crate) fn closing_view(key: Key, window: Span) -> View {
    View::since(key.time.before(window), key)
}
