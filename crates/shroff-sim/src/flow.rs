//! What is planted: the typologies, and the innocent flows that look like them.

/// Makes an enum with a name for each variant and a list of all.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All of them, in the order in which they are planted.
            pub const ALL: &[$name] = &[$($name::$variant,)+];

            /// The name as the file has it.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

named! {
    /// A kind of fraud or laundering.
    Typology {
        /// Many pay one within a day.
        FanIn = "FAN-IN",
        /// One pays many within a day.
        FanOut = "FAN-OUT",
        /// Many pay one who pays many.
        GatherScatter = "GATHER-SCATTER",
        /// One pays many who pay one.
        ScatterGather = "SCATTER-GATHER",
        /// Money comes back to where it started, in time order, less commission.
        Cycle = "CYCLE",
        /// Money comes back between two accounts.
        RoundTrip = "ROUND-TRIP",
        /// A set pays a set that pays a set.
        Stack = "STACK",
        /// A set pays a set.
        Bipartite = "BIPARTITE",
        /// What comes in leaves within a day, less commission.
        PassThrough = "PASS-THROUGH",
        /// A run of accounts, each passing on most of it.
        LayeringChain = "LAYERING-CHAIN",
        /// Many payments just under 10,000.
        Structuring = "STRUCTURING",
        /// A long silence, then a large payment.
        DormantWakes = "DORMANT-WAKES",
        /// Amounts far above the account's own past.
        UnlikeItself = "UNLIKE-ITSELF",
        /// Many payments within five minutes.
        Burst = "BURST",
        /// A first payment to somebody, of most of what came in lately.
        NewPayee = "NEW-PAYEE",
        /// The same amount, many times within a day.
        AlikeAmounts = "ALIKE-AMOUNTS",
        /// Tiny payments, then a large one, within an hour.
        Testing = "TESTING",
    }
}

named! {
    /// A kind of innocent flow that has the shape of a [`Typology`].
    Lookalike {
        /// A firm pays its staff: a fan-out.
        Payroll = "payroll",
        /// Tenants pay their landlord: a fan-in.
        Rent = "rent",
        /// Many give to one cause within hours: a fan-in.
        CharityDrive = "charity-drive",
        /// A shop pays back many buyers of one product: a fan-out.
        ProductRecall = "product-recall",
        /// Buyers pay a marketplace, which pays its sellers each week: a gather-scatter.
        Marketplace = "marketplace",
        /// Firms pay a bureau that pays their staff: a gather-scatter.
        PayrollBureau = "payroll-bureau",
        /// A builder pays subcontractors who buy from one wholesaler: a scatter-gather.
        Subcontractors = "subcontractors",
        /// Members pay the pot to one of them in turn: cycles.
        SavingsCircle = "savings-circle",
        /// A firm moves its balance around its own accounts and back: a cycle.
        TreasurySweep = "treasury-sweep",
        /// A loan between friends and its repayment: a round trip.
        LoanRepaid = "loan-repaid",
        /// Shops pay wholesalers who pay producers: a stack.
        SupplyChain = "supply-chain",
        /// Shops buy from the same wholesalers: a bipartite set.
        Wholesale = "wholesale",
        /// A notary passes a buyer's money to the seller: a pass-through.
        Escrow = "escrow",
        /// A contract handed down, each paying the next at once: a layering chain.
        Subcontract = "subcontract",
        /// The stages of a building contract, just under 10,000 each: structuring.
        StagePayments = "stage-payments",
        /// A holiday home's account pays once a year: a dormant account that wakes.
        HolidayHome = "holiday-home",
        /// A household buys a car: unlike itself.
        CarPurchase = "car-purchase",
        /// A firm pays its invoices in one run: a burst.
        InvoiceRun = "invoice-run",
        /// The first payment on a house, to a notary never paid before: a new payee.
        HouseDeposit = "house-deposit",
        /// Members pay the same due: alike amounts.
        ClubDues = "club-dues",
        /// A cent to check an account, then the purchase: testing.
        AccountCheck = "account-check",
    }
}

impl Lookalike {
    /// What it looks like.
    pub fn resembles(self) -> Typology {
        match self {
            Lookalike::Payroll | Lookalike::ProductRecall => Typology::FanOut,
            Lookalike::Rent | Lookalike::CharityDrive => Typology::FanIn,
            Lookalike::Marketplace | Lookalike::PayrollBureau => Typology::GatherScatter,
            Lookalike::Subcontractors => Typology::ScatterGather,
            Lookalike::SavingsCircle | Lookalike::TreasurySweep => Typology::Cycle,
            Lookalike::LoanRepaid => Typology::RoundTrip,
            Lookalike::SupplyChain => Typology::Stack,
            Lookalike::Wholesale => Typology::Bipartite,
            Lookalike::Escrow => Typology::PassThrough,
            Lookalike::Subcontract => Typology::LayeringChain,
            Lookalike::StagePayments => Typology::Structuring,
            Lookalike::HolidayHome => Typology::DormantWakes,
            Lookalike::CarPurchase => Typology::UnlikeItself,
            Lookalike::InvoiceRun => Typology::Burst,
            Lookalike::HouseDeposit => Typology::NewPayee,
            Lookalike::ClubDues => Typology::AlikeAmounts,
            Lookalike::AccountCheck => Typology::Testing,
        }
    }
}

/// What a planted flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Laundering or fraud: label 1.
    Attempt(Typology),
    /// Innocent: label 0.
    Lookalike(Lookalike),
}

/// A planted flow: the ground truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow<'a> {
    /// Its number in the file, from 1; attempts and look-alikes count apart.
    pub number: u32,
    /// What it is.
    pub kind: Kind,
    /// Its payments, as indices of [`crate::Simulation::rows`], ascending; at least one.
    pub rows: &'a [u32],
}

/// Why a typology is not in a world, or not in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// Not planted: too few payments, accounts or days.
    Absent(Typology),
    /// Planted, but the world is too short for a silence of 90 days.
    ShortSilence(Typology),
}
