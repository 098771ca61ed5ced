//! Alerts that are one story: hits that share a payment of evidence belong together.
//!
//! Within a typology, two hits whose evidence has a payment in common are one alert, and so are
//! all that hang together in this way. A hub therefore gives one alert that grows, and a cycle
//! found at each of its closings one alert. Hits of two typologies stay apart, for they tell two
//! stories of the same money; what they share shows in their payments.

use shroff_types::{AccountId, Alert, Map, Place, Reason, Set, Timestamp};

/// A rule that fired at a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The typology, by position.
    pub typology: usize,
    /// The bound rule, by position.
    pub rule: usize,
    /// The payment at which it fired.
    pub place: Place,
    /// How strongly, 0 to 1000.
    pub score_permille: u16,
}

/// An alert while it grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The typology, by position.
    pub typology: usize,
    /// The highest score of its hits.
    pub score_permille: u16,
    /// The payment at which it could first have been raised.
    pub raised_at: Place,
    /// How many hits it holds.
    pub hits: u64,
    /// The strongest hit of each rule, with its sentence.
    pub reasons: Vec<(u16, Reason, usize)>,
    /// Its evidence, ascending, each once.
    pub payments: Vec<Place>,
}

/// Drafts by typology, as a forest: a draft that joined another points at it.
#[derive(Debug, Clone)]
pub struct Drafts {
    opened: Vec<Draft>,
    joined: Vec<u32>,
    /// Which draft holds a payment, for each typology.
    holders: Vec<Map<Place, u32>>,
}

impl Drafts {
    /// No drafts of so many typologies.
    pub fn new(typologies: usize) -> Drafts {
        Drafts {
            opened: Vec::new(),
            joined: Vec::new(),
            holders: (0..typologies).map(|_| Map::default()).collect(),
        }
    }

    /// Adds a hit with its evidence, joins what it joins together, and returns its draft.
    ///
    /// `known` are drafts that the hit belongs to whatever its evidence, for evidence that is
    /// handed over in parts. Costs a look-up for each payment of evidence.
    pub fn add(&mut self, hit: &Hit, evidence: &[Place], known: &[u32]) -> u32 {
        let mut home = None;
        for at in 0..known.len() + evidence.len() {
            let holder = match known.get(at) {
                Some(&draft) => Some(draft),
                None => self.holders[hit.typology].get(&evidence[at - known.len()]).copied(),
            };
            let Some(holder) = holder else { continue };
            let holder = self.find(holder);
            home = Some(home.map_or(holder, |home| self.join(home, holder)));
        }
        let home = home.unwrap_or_else(|| self.open(hit));
        for &place in evidence {
            // Writing it anew shortens the way for whoever asks next.
            if self.holders[hit.typology].insert(place, home).is_none() {
                self.opened[home as usize].payments.push(place);
            }
        }
        let draft = &mut self.opened[home as usize];
        draft.hits += 1;
        draft.score_permille = draft.score_permille.max(hit.score_permille);
        draft.raised_at = draft.raised_at.min(hit.place);
        home
    }

    /// Whether a hit would be the strongest of its rule in a draft, so that its sentence is wanted.
    pub fn wants_reason(&self, draft: u32, hit: &Hit) -> bool {
        let reasons = &self.opened[draft as usize].reasons;
        reasons.iter().find(|r| r.2 == hit.rule).is_none_or(|r| hit.score_permille > r.0)
    }

    /// Gives a draft the sentence of its strongest hit of a rule.
    pub fn give_reason(&mut self, draft: u32, hit: &Hit, reason: Reason) {
        let reasons = &mut self.opened[draft as usize].reasons;
        keep_stronger(reasons, (hit.score_permille, reason, hit.rule));
    }

    fn open(&mut self, hit: &Hit) -> u32 {
        let number = u32::try_from(self.opened.len()).expect("fewer drafts than payments");
        self.opened.push(Draft {
            typology: hit.typology,
            score_permille: hit.score_permille,
            raised_at: hit.place,
            hits: 0,
            reasons: Vec::new(),
            payments: Vec::new(),
        });
        self.joined.push(number);
        number
    }

    /// The draft that a draft has become part of, or itself.
    fn find(&mut self, mut draft: u32) -> u32 {
        while self.joined[draft as usize] != draft {
            let up = self.joined[draft as usize];
            self.joined[draft as usize] = self.joined[up as usize];
            draft = up;
        }
        draft
    }

    /// Joins two drafts; the smaller moves into the larger, so a payment moves at most as often
    /// as its alert can double.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        if a == b {
            return a;
        }
        let size = |draft: u32| self.opened[draft as usize].payments.len();
        let (home, gone) = if size(a) >= size(b) { (a, b) } else { (b, a) };
        let moved = self.opened[gone as usize].clone();
        self.opened[gone as usize].payments = Vec::new();
        self.opened[gone as usize].reasons = Vec::new();
        self.joined[gone as usize] = home;
        let draft = &mut self.opened[home as usize];
        draft.payments.extend(moved.payments);
        draft.hits += moved.hits;
        draft.score_permille = draft.score_permille.max(moved.score_permille);
        draft.raised_at = draft.raised_at.min(moved.raised_at);
        for reason in moved.reasons {
            keep_stronger(&mut draft.reasons, reason);
        }
        home
    }

    /// The drafts that stand by themselves, by the first payment of their evidence.
    pub fn finish(self) -> Vec<Draft> {
        let Drafts { opened, joined, .. } = self;
        let mut standing: Vec<Draft> = opened
            .into_iter()
            .enumerate()
            .filter(|(number, _)| joined[*number] as usize == *number)
            .map(|(_, draft)| draft)
            .collect();
        for draft in &mut standing {
            draft.payments.sort_unstable();
            // The strongest first; among equals the earliest, then by rule.
            draft.reasons.sort_by(|a, b| (b.0, a.1.place, a.2).cmp(&(a.0, b.1.place, b.2)));
        }
        standing.sort_by_key(|draft| (draft.payments[0], draft.typology));
        standing
    }
}

fn keep_stronger(reasons: &mut Vec<(u16, Reason, usize)>, new: (u16, Reason, usize)) {
    match reasons.iter_mut().find(|old| old.2 == new.2) {
        // Which of two equals stays must not depend on the order in which drafts are joined.
        Some(old) if (new.0, old.1.place) > (old.0, new.1.place) => *old = new,
        Some(_) => {}
        None => reasons.push(new),
    }
}

/// Fills drafts in from the payments, read once more in order.
#[derive(Debug)]
pub struct Completion {
    alerts: Vec<Alert>,
    /// (payment, alert), ascending; what is before `next` was seen.
    wanted: Vec<(Place, u32)>,
    next: usize,
}

impl Completion {
    /// Prepares the alerts of drafts; `typologies` are the ids by position.
    pub fn new(drafts: Vec<Draft>, typologies: &[String]) -> Completion {
        let mut alerts = Vec::with_capacity(drafts.len());
        let mut wanted = Vec::new();
        for (number, draft) in drafts.into_iter().enumerate() {
            let number = u32::try_from(number).expect("fewer alerts than payments");
            wanted.extend(draft.payments.iter().map(|&place| (place, number)));
            let typology = &typologies[draft.typology];
            alerts.push(Alert {
                // Payments of one typology are in one alert only, so the first names it.
                id: format!("{typology}-{}", draft.payments[0].0),
                typology: typology.clone(),
                score_permille: draft.score_permille,
                first_time: Timestamp(i64::MAX),
                last_time: Timestamp(i64::MIN),
                raised_at: draft.raised_at,
                accounts: Vec::new(),
                amount_minor: 0,
                reasons: draft.reasons.into_iter().map(|(_, reason, _)| reason).collect(),
                payments: draft.payments,
            });
        }
        wanted.sort_unstable();
        Completion { alerts, wanted, next: 0 }
    }

    /// Whether a payment is evidence: ask for each in order, then show those that are.
    pub fn wants(&self, place: Place) -> bool {
        self.wanted.get(self.next).is_some_and(|wanted| wanted.0 == place)
    }

    /// Shows a payment; they come in order, and none that is wanted may be left out.
    pub fn see(&mut self, place: Place, time: Timestamp, accounts: [AccountId; 2], minor: i128) {
        while let Some(&(wanted, alert)) = self.wanted.get(self.next)
            && wanted <= place
        {
            assert!(wanted == place, "every payment of evidence is shown, in order");
            let alert = &mut self.alerts[alert as usize];
            alert.first_time = alert.first_time.min(time);
            alert.last_time = alert.last_time.max(time);
            // Amounts are below 2^90 and payments below 2^32, so the sum fits.
            alert.amount_minor += minor;
            alert.accounts.extend(accounts);
            self.next += 1;
        }
    }

    /// The alerts, strongest first, among equals in the order of their first payments.
    pub fn finish(self) -> Vec<Alert> {
        assert!(self.next == self.wanted.len(), "every payment of evidence was shown");
        let mut alerts = self.alerts;
        for alert in &mut alerts {
            let mut seen: Set<AccountId> = Set::default();
            alert.accounts.retain(|&account| seen.insert(account));
        }
        alerts.sort_by(|a, b| {
            let by_score = b.score_permille.cmp(&a.score_permille);
            by_score.then_with(|| (a.payments[0], &a.typology).cmp(&(b.payments[0], &b.typology)))
        });
        alerts
    }
}
