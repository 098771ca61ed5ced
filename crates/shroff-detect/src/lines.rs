//! What the lines of payments of an account say of a payment: one end of it at a time.

use shroff_graph::{Edge, Edges, Entry, Key, Shard, View, Way};
use shroff_types::{AccountId, Map, Place, Span, Timestamp};

use crate::alike::{Chosen, Range};
use crate::cell::Cell;
use crate::definitions::{Filter, Measure};
use crate::extractor::{Input, Pending};
use crate::few;
use crate::moments::{Central, Sums};
use crate::plan::{Plan, Task};
use crate::ranks::Ranks;
use crate::tracker::{Acquaintances, FEW, Follow, HUB, Needs, Tracker};
use crate::whole::Whole;

pub(crate) const WAYS: [Way; 2] = [Way::Out, Way::In];

/// One of the two accounts of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Debtor,
    Creditor,
}

impl End {
    pub(crate) fn of(self, input: &Input) -> AccountId {
        match self {
            End::Debtor => input.debtor,
            End::Creditor => input.creditor,
        }
    }
}

/// A payment that asks, and how far it sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    pub(crate) payment: Pending,
    pub(crate) until: Key,
}

impl Asking {
    pub(crate) fn view(&self, window: Span) -> View {
        View::since(self.payment.key.time.before(window), self.until)
    }
}

/// What is fetched of an account before a payment is worked on, one after the other: each says where
/// the next is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// Where its lines are.
    Account,
    /// Their payments, or the totals of a hub.
    Lines,
    /// What totals lead to.
    Totals,
    /// The payments at the ends of a hub's line.
    Ends,
    /// What those are counted in.
    Counts,
}

impl Fetch {
    const ALL: [Fetch; 5] =
        [Fetch::Account, Fetch::Lines, Fetch::Totals, Fetch::Ends, Fetch::Counts];

    /// The stages that a plan needs: the last of them are for totals.
    pub(crate) fn stages(plan: &Plan) -> &'static [Fetch] {
        let has_totals = plan.groups.iter().any(|group| !group.needs.is_length());
        if has_totals { &Fetch::ALL } else { &Fetch::ALL[..2] }
    }
}

/// Trackers of the lines of hubs, by the number that is noted on the line (0 where it has none).
#[derive(Debug, Default)]
struct Hubs {
    /// Of each line one for each group, where somebody asked for it.
    trackers: Vec<Option<Box<Tracker>>>,
    groups: usize,
    free: Vec<u32>,
}

impl Hubs {
    fn of(&self, mark: u32) -> &[Option<Box<Tracker>>] {
        match (mark as usize).checked_sub(1) {
            Some(line) => &self.trackers[line * self.groups..][..self.groups],
            None => &[],
        }
    }

    fn of_mut(&mut self, mark: u32) -> &mut [Option<Box<Tracker>>] {
        match (mark as usize).checked_sub(1) {
            Some(line) => &mut self.trackers[line * self.groups..][..self.groups],
            None => &mut [],
        }
    }

    /// A number for a line that has none.
    fn mark(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.trackers.resize_with(self.trackers.len() + self.groups, || None);
            u32::try_from(self.trackers.len() / self.groups).expect("fewer hubs than payments")
        })
    }

    /// Lets the trackers of a line go.
    fn forget(&mut self, mark: u32) {
        self.of_mut(mark).fill_with(|| None);
        if mark > 0 {
            self.free.push(mark);
        }
    }
}

/// Totals of the lines of one shard's hubs, and what a computation needs at hand.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    hubs: Hubs,
    /// By block of novelties.
    known: Vec<Map<(AccountId, Way), Acquaintances>>,
    totals: Vec<[Totals; 2]>,
    accounts: [Vec<AccountId>; 2],
    kept: Vec<(Edge, i128)>,
}

impl Keeper {
    pub(crate) fn new(plan: &Plan) -> Keeper {
        Keeper {
            hubs: Hubs { groups: plan.groups.len(), ..Hubs::default() },
            known: (0..plan.novelties).map(|_| Map::default()).collect(),
            totals: vec![[Totals::default(); 2]; plan.groups.len()],
            accounts: [Vec::new(), Vec::new()],
            kept: Vec::new(),
        }
    }
}

impl Keeper {
    /// Fetches what an account's lines say, a part further with each stage; see
    /// [`shroff_graph::Shard::fetch`]. A payment comes to one of the lines, of a counterparty.
    pub(crate) fn fetch(
        &self,
        stage: Fetch,
        (shard, account): (&Shard, AccountId),
        (comes, entry): (Way, &Entry),
    ) {
        if stage == Fetch::Account {
            shard.fetch(0, account);
            return;
        }
        let lines = shard.account(0, account);
        for way in WAYS {
            let mut trackers = self.hubs.of(lines.mark(way)).iter().flatten().peekable();
            match stage {
                Fetch::Account => {}
                Fetch::Lines => {
                    // Nobody walks what is counted.
                    lines.fetch_newest(way, if trackers.peek().is_some() { 0 } else { HUB });
                    trackers.for_each(|tracker| tracker.fetch());
                }
                Fetch::Totals => {
                    let other = if way == Way::Out { entry.creditor } else { entry.debtor };
                    let other = (way == comes).then_some(other);
                    trackers.for_each(|tracker| tracker.fetch_parts(lines, way, other));
                }
                Fetch::Ends => trackers.for_each(|tracker| tracker.fetch_ends(lines, way)),
                Fetch::Counts => {
                    let minor = (way == comes).then_some(entry.minor);
                    trackers.for_each(|tracker| tracker.fetch_counts(lines, way, minor));
                }
            }
        }
    }

    /// About how many bytes the totals of hubs take.
    pub(crate) fn bytes(&self) -> usize {
        let Hubs { trackers, free, .. } = &self.hubs;
        let hubs = trackers.capacity() * size_of::<Option<Box<Tracker>>>()
            + free.capacity() * size_of::<u32>();
        let trackers = trackers.iter().flatten().map(|tracker| tracker.bytes());
        let known = self.known.iter().flat_map(Map::values).map(Acquaintances::bytes);
        hubs + trackers.chain(known).sum::<usize>()
    }
}

/// A shard at work.
pub(crate) struct Side<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) shard: &'a mut Shard,
    pub(crate) keeper: &'a mut Keeper,
}

impl Side<'_> {
    /// Takes in one end of a payment: of the layers in `layers`, a bit for each.
    pub(crate) fn take(&mut self, entry: Entry, layers: u128, end: End, late: bool) {
        let way = match end {
            End::Debtor => Way::Out,
            End::Creditor => Way::In,
        };
        self.shard.insert(0, entry, way);
        if layers > 1 {
            for layer in (1..self.plan.layers()).filter(|layer| layers >> layer & 1 == 1) {
                self.shard.insert(layer, entry, way);
            }
        }
        if late {
            self.take_late(entry, layers, way);
        }
    }

    /// Tells the trackers of a payment that lies within what they have seen already.
    fn take_late(&mut self, entry: Entry, layers: u128, way: Way) {
        let account = if way == Way::Out { entry.debtor } else { entry.creditor };
        let Side { plan, shard, keeper } = self;
        let Keeper { hubs, known, .. } = &mut **keeper;
        let line = (account, way);
        let only = only(entry.key);
        for layer in (0..plan.layers()).filter(|layer| layers >> layer & 1 == 1) {
            let mark = shard.account(layer, account).mark(way);
            for tracker in hubs.of_mut(mark).iter_mut().flatten() {
                if tracker.view().sees(entry.key) {
                    let edges = shard.edges(layer, line, only);
                    edges.iter().for_each(|edge| tracker.enter(edge, edges.minor(edge)));
                }
            }
        }
        for known in known {
            let Some(known) = known.get_mut(&line) else { continue };
            shard.edges(0, line, only).iter().for_each(|edge| known.enter_late(edge));
        }
    }

    /// Writes what the lines of one end say of a payment behind `cells`.
    pub(crate) fn tell(&mut self, asking: &Asking, end: End, cells: &mut Vec<Cell>) {
        let account = end.of(&asking.payment.input);
        let mut totals = std::mem::take(&mut self.keeper.totals);
        for (group, both) in totals.iter_mut().enumerate() {
            for (way, totals) in WAYS.into_iter().zip(both) {
                *totals = self.totals(group, (account, way), asking);
            }
        }
        let plan = self.plan;
        for block in &plan.lines {
            match &block.task {
                Task::Activity { group, measures, filter } => {
                    let measured = Measured { group: *group, measures, filter };
                    self.activity((measured, &totals[*group]), account, asking, cells);
                }
                Task::Pair { group, filter } if end == End::Debtor => {
                    self.pair(*group, filter, asking, cells);
                }
                Task::Passthrough { group } if end == End::Debtor => {
                    let [gone, come] = &totals[*group];
                    cells.push(share(gone.sum - gone.own, come.sum - come.own));
                }
                Task::Pair { .. } | Task::Passthrough { .. } => {}
                Task::Novelty { number, window, memory } => {
                    for way in WAYS {
                        let spans = (*window, *memory);
                        let new = self.new_fan(*number, spans, (account, way), asking);
                        cells.push(Cell::of_int(new));
                    }
                }
            }
        }
        self.keeper.totals = totals;
    }

    fn totals(&mut self, group: usize, line: (AccountId, Way), asking: &Asking) -> Totals {
        let Side { plan, shard, keeper } = self;
        let group_of = &plan.groups[group];
        let view = asking.view(group_of.window);
        let account = shard.account(group_of.layer, line.0);
        if group_of.needs.is_length() {
            let count = account.edges(line.1, view).len() as u64;
            return Totals { count, ..Totals::default() };
        }
        // A line that has a tracker need not be looked at to know that it is a hub's.
        if let Some(Some(tracker)) = keeper.hubs.of_mut(account.mark(line.1)).get_mut(group) {
            tracker.slide(|view, near| account.edges_near(line.1, view, near), view);
            return tracker.totals();
        }
        let edges = account.edges(line.1, view);
        if edges.len() <= HUB {
            return walk(edges, line.0, group_of.needs);
        }
        self.tracker(group, line, view).totals()
    }

    /// The tracker of a hub's line, moved to a view.
    fn tracker(&mut self, group: usize, line: (AccountId, Way), view: View) -> &mut Tracker {
        let Side { plan, shard, keeper } = self;
        let group_of = plan.groups[group];
        let layer = group_of.layer;
        let mut mark = shard.account(layer, line.0).mark(line.1);
        if mark == 0 {
            mark = keeper.hubs.mark();
            shard.set_mark(layer, line, mark);
        }
        let tracker = keeper.hubs.of_mut(mark)[group]
            .get_or_insert_with(|| Box::new(Tracker::new(line.0, group_of.needs, view)));
        let account = shard.account(layer, line.0);
        tracker.slide(|view, near| account.edges_near(line.1, view, near), view);
        tracker
    }

    fn new_fan(
        &mut self,
        number: usize,
        (window, memory): (Span, Span),
        line: (AccountId, Way),
        asking: &Asking,
    ) -> u64 {
        let Side { shard, keeper, .. } = self;
        let views = novelty_views(asking.payment.key.time, (window, memory), asking.until);
        let [recent, before] = views.map(|view| shard.edges(0, line, view));
        if recent.is_empty() {
            return 0;
        }
        if recent.len() + before.len() > HUB {
            let known = keeper.known[number]
                .entry(line)
                .or_insert_with(|| Acquaintances::new(line.0, views));
            let account = shard.account(0, line.0);
            known.slide(|view, near| account.edges_near(line.1, view, near), views);
            return known.new_fan;
        }
        let [now, known] = &mut keeper.accounts;
        distinct(line.0, recent, now);
        distinct(line.0, before, known);
        now.iter().filter(|account| known.binary_search(account).is_err()).count() as u64
    }

    fn activity(
        &mut self,
        (measured, all): (Measured<'_>, &[Totals; 2]),
        account: AccountId,
        asking: &Asking,
        cells: &mut Vec<Cell>,
    ) {
        let Measured { filter, .. } = measured;
        for (way, all) in WAYS.into_iter().zip(all) {
            let line = (account, way);
            let totals = if filter.similar_permille.is_some() {
                Some(self.narrowed(measured, line, asking))
            } else if filter.without_current {
                self.without_current(measured, line, asking)
            } else {
                None
            };
            self.measures(measured, line, (totals.as_ref().unwrap_or(all), asking), cells);
        }
    }

    /// Totals of the payments that a filter by amount lets through. Costs a step for each payment of
    /// a line that is no hub's.
    fn narrowed(
        &mut self,
        measured: Measured<'_>,
        line: (AccountId, Way),
        asking: &Asking,
    ) -> Totals {
        let Measured { group, measures, filter } = measured;
        let group_of = self.plan.groups[group];
        let payment = &asking.payment;
        let view = asking.view(group_of.window);
        let needs = Needs::of(measures);
        let edges = self.shard.edges(group_of.layer, line, view);
        if edges.len() > HUB {
            let range = similar(filter, payment.input.minor);
            return match self.current(measured, line, asking) {
                None => self.tracker(group, line, view).alike(range),
                Some(current) => self
                    .tracker(group, line, view)
                    .without((&current, payment.input.minor), |tracker| tracker.alike(range)),
            };
        }
        let mut kept = std::mem::take(&mut self.keeper.kept);
        kept.clear();
        let chosen = edges.iter().map(|edge| (*edge, edges.minor(edge)));
        kept.extend(chosen.filter(|chosen| passes(filter, *chosen, payment)));
        kept.sort_unstable_by_key(|(_, minor)| *minor);
        let totals = totals_of(&kept, line.0, needs, &mut self.keeper.accounts[0]);
        self.keeper.kept = kept;
        totals
    }

    /// The payment that asks as its line has it, where a filter leaves it out.
    fn current(
        &self,
        Measured { group, filter, .. }: Measured<'_>,
        line: (AccountId, Way),
        asking: &Asking,
    ) -> Option<Edge> {
        let layer = self.plan.groups[group].layer;
        let own = only(asking.payment.key);
        let is_out = filter.without_current;
        is_out.then(|| self.shard.edges(layer, line, own).first().copied()).flatten()
    }

    /// None where it is not among them.
    fn without_current(
        &mut self,
        measured: Measured<'_>,
        line: (AccountId, Way),
        asking: &Asking,
    ) -> Option<Totals> {
        let group = measured.group;
        let current = self.current(measured, line, asking)?;
        let group_of = self.plan.groups[group];
        let view = asking.view(group_of.window);
        let edges = self.shard.edges(group_of.layer, line, view);
        if edges.len() <= HUB {
            let others = edges.iter().filter(|edge| edge.place != current.place);
            let mut tracker = Tracker::new(line.0, group_of.needs, view);
            others.for_each(|edge| tracker.enter(edge, edges.minor(edge)));
            return Some(tracker.totals());
        }
        let current = (&current, asking.payment.input.minor);
        Some(self.tracker(group, line, view).without(current, Tracker::totals))
    }

    fn measures(
        &mut self,
        measured: Measured<'_>,
        line: (AccountId, Way),
        (totals, asking): (&Totals, &Asking),
        cells: &mut Vec<Cell>,
    ) {
        let unit = self.plan.unit;
        let Totals { count, sum, fan, central, order: [twice, least, greatest], .. } = *totals;
        for measure in measured.measures {
            cells.push(match measure {
                Measure::Count => Cell::of_int(count),
                Measure::Fan => Cell::of_int(fan),
                Measure::Age => self.age(measured, line, asking),
                Measure::Sum => Cell::of_real(major(sum, 1, unit)),
                _ if count == 0 => Cell::NULL,
                Measure::Mean => Cell::of_real(major(sum, count, unit)),
                Measure::Min => Cell::of_real(major(least, 1, unit)),
                Measure::Max => Cell::of_real(major(greatest, 1, unit)),
                Measure::Median => Cell::of_real(major(twice, 2, unit)),
                Measure::Std | Measure::Skew | Measure::Kurtosis => {
                    moment(*measure, count, central, unit)
                }
            });
        }
    }

    /// Seconds since the last payment of a line before this one.
    fn age(&mut self, measured: Measured<'_>, line: (AccountId, Way), asking: &Asking) -> Cell {
        let Measured { group, filter, .. } = measured;
        let group_of = self.plan.groups[group];
        let payment = &asking.payment;
        let view = View { until: payment.key, ..asking.view(group_of.window) };
        let edges = self.shard.edges(group_of.layer, line, view);
        let before = if filter.similar_permille.is_some() && edges.len() > HUB {
            let range = similar(filter, payment.input.minor);
            let tracker = self.tracker(group, line, asking.view(group_of.window));
            tracker.by_amount().newest(range, payment.key)
        } else {
            let mut before = edges.iter().rev().filter(|edge| edge.key() < payment.key);
            let before = before.find(|edge| passes(filter, (**edge, edges.minor(edge)), payment));
            before.map(Edge::key)
        };
        before.map_or(Cell::NULL, |key| seconds(payment.key.time, key.time))
    }

    fn pair(&mut self, group: usize, filter: &Filter, asking: &Asking, cells: &mut Vec<Cell>) {
        let Input { debtor, creditor, .. } = asking.payment.input;
        let unit = self.plan.unit;
        let there = self.between(group, (debtor, Way::Out), filter, asking);
        let back = if debtor == creditor {
            Between::default()
        } else {
            self.between(group, (debtor, Way::In), filter, asking)
        };
        cells.extend([
            Cell::of_int(there.count),
            Cell::of_real(major(there.sum, 1, unit)),
            there.last.map_or(Cell::NULL, |key| seconds(asking.payment.key.time, key.time)),
            Cell::of_int(back.count),
            Cell::of_real(major(back.sum, 1, unit)),
        ]);
    }

    /// The payments of the debtor's line with the creditor.
    fn between(
        &mut self,
        group: usize,
        line: (AccountId, Way),
        filter: &Filter,
        asking: &Asking,
    ) -> Between {
        let group_of = self.plan.groups[group];
        let (payment, other) = (&asking.payment, asking.payment.input.creditor);
        let view = asking.view(group_of.window);
        let edges = self.shard.edges(group_of.layer, line, view);
        let mut between = Between::default();
        let mut add = |key: Key, minor: i128| {
            if !lets_through(filter, (key, minor), payment) {
                return;
            }
            between.count += 1;
            between.sum += minor;
            if key < payment.key {
                between.last = Some(key);
            }
        };
        if edges.len() <= HUB {
            let theirs = edges.iter().filter(|edge| edge.other == other);
            theirs.for_each(|edge| add(edge.key(), edges.minor(edge)));
            return between;
        }
        let Some(pair) = self.tracker(group, line, view).pair(other) else { return between };
        let mut between = match (&pair.by_amount, filter.similar_permille) {
            (_, None) => Between {
                count: pair.payments.len() as u64,
                sum: pair.sum,
                last: pair.last_before(payment.key),
            },
            (Some(alike), Some(_)) => {
                let range = similar(filter, payment.input.minor);
                let Chosen { count, sum, .. } = alike.within(range);
                Between { count, sum, last: alike.newest(range, payment.key) }
            }
            (None, Some(_)) => {
                pair.payments.iter().for_each(|&(key, minor)| add(key, minor));
                return between;
            }
        };
        // The one that asks is as its own amount.
        if filter.without_current && pair.has(payment.key) {
            between.count -= 1;
            between.sum -= payment.input.minor;
        }
        between
    }

    /// Fetches what [`Side::retire`] will let go of.
    pub(crate) fn fetch_stale(&self, account: AccountId, oldest: Timestamp) {
        for (layer, reach) in self.plan.reach.iter().enumerate() {
            let floor = oldest.before(*reach);
            let lines = self.shard.account(layer, account);
            let stale = WAYS.into_iter().filter(|way| lines.is_stale(*way, floor));
            stale.for_each(|way| lines.fetch_oldest(way));
        }
    }

    /// Lets go of what nobody can see any more of an account who asks at `oldest` or later.
    pub(crate) fn retire(&mut self, account: AccountId, oldest: Timestamp) {
        for (layer, reach) in self.plan.reach.iter().enumerate() {
            let floor = oldest.before(*reach);
            if !self.shard.may_reach(layer, floor) {
                continue;
            }
            let lines = self.shard.account(layer, account);
            let stale = WAYS.map(|way| lines.is_stale(way, floor));
            for (way, stale) in WAYS.into_iter().zip(stale) {
                if stale {
                    self.retire_line(layer, (account, way), floor);
                }
            }
        }
    }

    fn retire_line(&mut self, layer: usize, line: (AccountId, Way), floor: Timestamp) {
        let Side { shard, keeper, .. } = self;
        // A tracker lets a payment go by looking at it: so before it is gone.
        let lines = shard.account(layer, line.0);
        let had_totals = lines.is_longer(line.1, FEW);
        let mark = lines.mark(line.1);
        if had_totals {
            let ends = Key::end_of(floor);
            for tracker in keeper.hubs.of_mut(mark).iter_mut().flatten() {
                if tracker.view().after < ends {
                    let View { after, until } = tracker.view();
                    let view = View { after: after.max(ends), until: until.max(ends) };
                    tracker.slide(|view, near| lines.edges_near(line.1, view, near), view);
                }
            }
            for known in keeper.known.iter_mut().filter(|_| layer == 0) {
                if let Some(known) = known.get_mut(&line) {
                    let views = known.views().map(|view| View {
                        after: view.after.max(ends),
                        until: view.until.max(ends),
                    });
                    known.slide(|view, near| lines.edges_near(line.1, view, near), views);
                }
            }
        }
        shard.expire(layer, line, floor);
        if had_totals {
            self.forget_few(layer, line, mark);
        }
    }

    /// Lets the trackers of a line go that holds few payments by now; `mark` is what was noted on it.
    fn forget_few(&mut self, layer: usize, line: (AccountId, Way), mark: u32) {
        let Side { shard, keeper, .. } = self;
        if shard.account(layer, line.0).is_longer(line.1, FEW) {
            return;
        }
        keeper.hubs.forget(mark);
        shard.set_mark(layer, line, 0);
        for known in keeper.known.iter_mut().filter(|_| layer == 0) {
            known.remove(&line);
        }
    }

    /// Takes one end of a payment out of every layer, and out of what was counted of it.
    pub(crate) fn withdraw(&mut self, key: Key, line: (AccountId, Way)) {
        for layer in 0..self.plan.layers() {
            let Side { shard, keeper, .. } = self;
            let edges = shard.edges(layer, line, only(key));
            let Some(&edge) = edges.first() else { continue };
            let minor = edges.minor(&edge);
            let mark = shard.account(layer, line.0).mark(line.1);
            for tracker in keeper.hubs.of_mut(mark).iter_mut().flatten() {
                if tracker.view().sees(key) {
                    tracker.leave(&edge, minor);
                }
            }
            for known in keeper.known.iter_mut().filter(|_| layer == 0) {
                if let Some(known) = known.get_mut(&line) {
                    known.leave_early(&edge);
                }
            }
            let had_totals = shard.account(layer, line.0).is_longer(line.1, FEW);
            shard.remove(layer, line, key);
            if had_totals {
                self.forget_few(layer, line, mark);
            }
        }
    }

    /// Takes one end of a payment into a layer that it did not enter when it came.
    pub(crate) fn enter_layer(&mut self, layer: usize, entry: Entry, way: Way) {
        let account = if way == Way::Out { entry.debtor } else { entry.creditor };
        let Side { shard, keeper, .. } = self;
        shard.insert(layer, entry, way);
        let line = (account, way);
        let edges = shard.edges(layer, line, only(entry.key));
        let mark = shard.account(layer, account).mark(way);
        for tracker in keeper.hubs.of_mut(mark).iter_mut().flatten() {
            if tracker.view().sees(entry.key) {
                edges.iter().for_each(|edge| tracker.enter(edge, edges.minor(edge)));
            }
        }
    }
}

/// Measures of the payments that a filter lets through.
#[derive(Clone, Copy)]
struct Measured<'a> {
    group: usize,
    measures: &'a [Measure],
    filter: &'a Filter,
}

/// Totals of a line, or of a part of it.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    count: u64,
    sum: i128,
    /// Of payments to oneself.
    own: i128,
    fan: u64,
    central: Central,
    /// Twice the median, the least and the greatest.
    order: [i128; 3],
}

impl Tracker {
    /// What is said while a payment of it is out.
    fn without(
        &mut self,
        (edge, minor): (&Edge, i128),
        say: impl FnOnce(&mut Tracker) -> Totals,
    ) -> Totals {
        self.leave(edge, minor);
        let said = say(self);
        self.enter(edge, minor);
        said
    }

    /// Totals of the payments within a range of amounts.
    fn alike(&self, range: Range) -> Totals {
        let Chosen { count, sum, fan, central, order } = self.by_amount().within(range);
        Totals { count, sum, own: 0, fan, central, order }
    }

    fn totals(&mut self) -> Totals {
        Totals {
            count: self.count,
            sum: self.sum,
            own: self.own,
            fan: self.fan(),
            central: self.sums.central(),
            order: self.ranks().map_or([0; 3], Ranks::said),
        }
    }
}

/// Totals of a short line.
#[inline]
fn walk(edges: Edges<'_>, account: AccountId, needs: Needs) -> Totals {
    match edges.as_run() {
        Some([]) => Totals::default(),
        // Most lines are one payment long.
        Some([edge]) => {
            let minor = edges.minor(edge);
            let is_own = edge.other == account;
            Totals {
                count: 1,
                sum: minor,
                own: if is_own { minor } else { 0 },
                fan: u64::from(!is_own),
                central: Central::default(),
                order: [2 * minor, minor, minor],
            }
        }
        Some(_) | None => walk_all(edges, account, needs),
    }
}

fn walk_all(edges: Edges<'_>, account: AccountId, needs: Needs) -> Totals {
    let mut totals = Totals { count: edges.len() as u64, ..Totals::default() };
    let mut others = [AccountId(0); HUB];
    let mut fan = 0;
    let mut minors = [i32::MAX; few::MOST];
    let mut wide = false;
    let mut at = 0;
    edges.for_each(|edge| {
        let minor = edges.minor(edge);
        totals.sum += minor;
        match i32::try_from(minor) {
            Ok(narrow) => minors[at] = narrow,
            Err(_) => wide = true,
        }
        at += 1;
        if edge.other == account {
            totals.own += minor;
        } else if needs.fan && !others[..fan].contains(&edge.other) {
            others[fan] = edge.other;
            fan += 1;
        }
    });
    totals.fan = fan as u64;
    if needs.moments {
        let sums = if wide {
            let mut sums = Sums::default();
            edges.for_each(|edge| sums.add(edges.minor(edge)));
            sums
        } else {
            Sums::of(&minors[..at])
        };
        totals.central = sums.central();
    }
    if needs.order {
        totals.order = if wide {
            let mut minors = [0_i128; HUB];
            minors
                .iter_mut()
                .zip(edges.iter())
                .for_each(|(minor, edge)| *minor = edges.minor(edge));
            order_of(&mut minors[..edges.len()])
        } else {
            few::order(&minors, edges.len())
        };
    }
    totals
}

/// Twice the median, the least and the greatest of at least one amount.
fn order_of(minors: &mut [i128]) -> [i128; 3] {
    minors.sort_unstable();
    let count = minors.len();
    [minors[(count - 1) / 2] + minors[count / 2], minors[0], minors[count - 1]]
}

/// Totals of payments that were chosen, ascending by amount.
fn totals_of(
    chosen: &[(Edge, i128)],
    account: AccountId,
    needs: Needs,
    others: &mut Vec<AccountId>,
) -> Totals {
    let mut totals = Totals { count: chosen.len() as u64, ..Totals::default() };
    let mut sums = Sums::default();
    others.clear();
    for (edge, minor) in chosen {
        totals.sum += minor;
        if needs.moments {
            sums.add(*minor);
        }
        if needs.fan && edge.other != account {
            others.push(edge.other);
        }
    }
    others.sort_unstable();
    others.dedup();
    totals.fan = others.len() as u64;
    totals.central = sums.central();
    if let (Some((_, least)), Some((_, greatest))) = (chosen.first(), chosen.last()) {
        let twice = chosen[(chosen.len() - 1) / 2].1 + chosen[chosen.len() / 2].1;
        totals.order = [twice, *least, *greatest];
    }
    totals
}

/// The payments from one account to another.
#[derive(Default)]
struct Between {
    count: u64,
    sum: i128,
    /// The last before the current payment.
    last: Option<Key>,
}

/// The recent window, and the memory before it.
fn novelty_views(time: Timestamp, (window, memory): (Span, Span), until: Key) -> [View; 2] {
    let recent = View::since(time.before(window), until);
    [recent, View::since(time.before(memory), recent.after)]
}

/// Sees the payment at one place in the order alone.
fn only(key: Key) -> View {
    let after = match key.place.0.checked_sub(1) {
        Some(place) => Key { place: Place(place), ..key },
        None => Key::end_of(Timestamp(key.time.0.saturating_sub(1))),
    };
    View { after, until: key }
}

/// Whether a filter lets a past payment through; its predicate chose the layer already.
pub(crate) fn passes(filter: &Filter, (edge, minor): (Edge, i128), payment: &Pending) -> bool {
    lets_through(filter, (edge.key(), minor), payment)
}

/// As [`passes`], of a payment by its place in the order and its amount.
pub(crate) fn lets_through(filter: &Filter, (key, minor): (Key, i128), payment: &Pending) -> bool {
    if filter.without_current && key == payment.key {
        return false;
    }
    filter.similar_permille.is_none_or(|share| {
        let difference = (minor - payment.input.minor).abs();
        difference * 1_000 <= i128::from(share) * payment.input.minor
    })
}

/// The amounts that a filter calls similar to one.
fn similar(filter: &Filter, minor: i128) -> Range {
    // Amounts are below 2^90, and zero or more.
    let reach = minor * i128::from(filter.similar_permille.unwrap_or_default()) / 1_000;
    Range { least: minor - reach, greatest: minor + reach }
}

/// The distinct counterparties of a line, ascending, the account itself left out.
fn distinct(account: AccountId, edges: Edges<'_>, into: &mut Vec<AccountId>) {
    into.clear();
    into.extend(edges.iter().map(|edge| edge.other).filter(|&other| other != account));
    into.sort_unstable();
    into.dedup();
}

#[expect(clippy::cast_precision_loss, reason = "a count of payments is far below 2^53")]
fn moment(measure: Measure, count: u64, central: Central, unit: f64) -> Cell {
    let Central { second, third, fourth } = central;
    match measure {
        Measure::Std => Cell::of_real(second.sqrt() / count as f64 / unit),
        _ if second <= 0.0 => Cell::NULL,
        Measure::Skew => Cell::of_real(third / (second * second.sqrt())),
        _ => Cell::of_real(fourth / (second * second)),
    }
}

/// Major units of `minor` over `parts`, rounded to a real.
#[expect(clippy::cast_precision_loss, reason = "this is where a value leaves the engine")]
fn major(minor: i128, parts: u64, unit: f64) -> f64 {
    let minor = match u64::try_from(minor) {
        Ok(minor) => minor as f64,
        // The same real as by the language's own way, which is a call for 128 bits.
        Err(_) => Whole::<2>::of(minor.cast_unsigned()).real(),
    };
    minor / (parts as f64 * unit)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of 285 years are below 2^53")]
fn seconds(time: Timestamp, earlier: Timestamp) -> Cell {
    Cell::of_real(time.micros_since(earlier) as f64 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "this is where a value leaves the engine")]
fn share(gone: i128, come: i128) -> Cell {
    if come == 0 { Cell::NULL } else { Cell::of_real(gone as f64 / come as f64) }
}

#[cfg(test)]
mod tests {
    use shroff_graph::shard_of;
    use shroff_types::{Currency, Names};

    use super::*;
    use crate::{Definitions, Extractor};

    /// Payments of a month, one a microsecond: the next comes when no window sees them any more.
    const MONTHLY: usize = 4 * HUB;

    /// The trackers after so many payments of 1.00 to account 0, each from the debtor that is named for it.
    fn paid<T>(
        block: &str,
        payments: usize,
        debtor: impl Fn(u32) -> u32,
        look: impl FnOnce(&[Keeper]) -> T,
    ) -> T {
        let text = format!("amount_exponent = 2\n[[feature]]\n{block}\nwindow = \"7d\"\n");
        let definitions = Definitions::parse(&text).expect("it is right");
        let mut extractor = Extractor::new(&definitions, Currency::EUR.decimals());
        let month = u32::try_from(MONTHLY).expect("small");
        let paid = (0_u32..).take(payments).map(|number| Input {
            time: Timestamp(i64::from(number) + i64::from(number / month) * 30 * 86_400_000_000),
            debtor: AccountId(debtor(number)),
            creditor: AccountId(0),
            minor: 100,
            currency: Currency::EUR,
            method: None,
        });
        let paid: Vec<Input> = paid.collect();
        for paid in paid.chunks(MONTHLY) {
            extractor.push(paid, &Names::default(), &mut |_| {});
        }
        look(&extractor.state.keepers)
    }

    /// Totals kept of a hub that is paid and never pays, by what is asked of it.
    fn kept_of_a_hub(block: &str) -> usize {
        paid(
            block,
            MONTHLY,
            |number| 1 + number,
            |keepers| {
                let trackers =
                    keepers.iter().flat_map(|keeper| keeper.hubs.trackers.iter().flatten());
                trackers.map(|tracker| usize::try_from(tracker.count).expect("few")).sum()
            },
        )
    }

    #[test]
    fn the_payments_of_a_pair_are_kept_by_amount_while_they_are_many_and_somebody_asks() {
        // Else each payment between two that pay each other all day would walk all of them.
        let kept = |filter: &str, payments: usize| {
            paid(
                &format!("kind = \"pair\"\n{filter}"),
                payments,
                |_| 1,
                |keepers| {
                    let keeper = &keepers[shard_of(AccountId(1))];
                    let tracker = keeper.hubs.trackers.iter().flatten().next();
                    let pair = tracker.and_then(|tracker| tracker.pair(AccountId(0)));
                    pair.map(|pair| pair.by_amount.is_some())
                },
            )
        };
        assert_eq!(kept("similar_permille = 100", MONTHLY), Some(true));
        assert_eq!(kept("", MONTHLY), Some(false));
        assert_eq!(kept("similar_permille = 100", HUB), None);
    }

    #[test]
    fn a_hub_that_comes_and_goes_takes_the_place_that_it_had() {
        let block = "kind = \"activity\"\nmeasures = [\"sum\"]";
        let places = |months: usize| {
            paid(
                block,
                months * MONTHLY,
                |number| 1 + number,
                |keepers| keepers.iter().map(|keeper| keeper.hubs.trackers.len()).sum::<usize>(),
            )
        };
        assert_eq!([1, 2, 20].map(places), [1; 3]);
    }

    #[test]
    fn who_first_asks_a_hub_for_a_pair_finds_it_counted_and_a_count_needs_none() {
        // Else the hub's own first payment would walk all that it was paid.
        assert_eq!(kept_of_a_hub("kind = \"pair\""), MONTHLY);
        assert_eq!(kept_of_a_hub("kind = \"activity\"\nmeasures = [\"count\", \"age\"]"), 0);
        assert_eq!(kept_of_a_hub("kind = \"activity\"\nmeasures = [\"sum\"]"), MONTHLY);
    }
}
