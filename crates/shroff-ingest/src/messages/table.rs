//! What is read of a message: a table, and nothing that is not in it.
//!
//! A row is a path below the body of a message, by local names, and the slot that its text goes
//! to. The rows of a message become a tree that is walked beside its elements; where the tree ends,
//! what lies below is passed over.

use std::sync::LazyLock;

use super::MessageKind;

/// Where a text is kept while an instruction is read.
pub(super) type Slot = u8;

pub(super) const MESSAGE_ID: Slot = 0;
pub(super) const CREATED: Slot = 1;
pub(super) const COUNT: Slot = 2;
pub(super) const SUM: Slot = 3;
pub(super) const GROUP_STATUS: Slot = 4;
pub(super) const GROUP_ORIGINAL: Slot = 5;
pub(super) const GROUP_SETTLED: Slot = 6;
pub(super) const GROUP_INSTRUMENT: Slot = 7;
pub(super) const GROUP_LEVEL: Slot = 8;
pub(super) const HEADER_ID: Slot = 9;
pub(super) const HEADER_KIND: Slot = 10;
pub(super) const INITIATOR: Slot = 11;
pub(super) const BATCH_ID: Slot = 12;
pub(super) const REQUESTED: Slot = 13;
pub(super) const BATCH_CREATED: Slot = 14;
pub(super) const INSTRUCTION_ID: Slot = 15;
pub(super) const END_TO_END_ID: Slot = 16;
pub(super) const TX_ID: Slot = 17;
pub(super) const UETR: Slot = 18;
pub(super) const INSTRUMENT: Slot = 19;
pub(super) const LEVEL: Slot = 20;
pub(super) const SETTLED_AMOUNT: Slot = 21;
pub(super) const INSTRUCTED_AMOUNT: Slot = 23;
pub(super) const SETTLED: Slot = 25;
pub(super) const ACCEPTED: Slot = 26;
pub(super) const ORIGINAL_MESSAGE: Slot = 27;
pub(super) const STATUS: Slot = 28;
pub(super) const ENTRY_AMOUNT: Slot = 29;
pub(super) const ENTRY_DIRECTION: Slot = 31;
pub(super) const REVERSAL: Slot = 32;
pub(super) const ENTRY_STATUS: Slot = 33;
pub(super) const BOOKED: Slot = 34;
pub(super) const VALUED: Slot = 35;
pub(super) const ENTRY_REFERENCE: Slot = 36;
pub(super) const SERVICER_REFERENCE: Slot = 37;
pub(super) const DIRECTION: Slot = 38;
pub(super) const RETURNED_AMOUNT: Slot = 39;
pub(super) const ENTRY_SERVICER_REFERENCE: Slot = 41;
pub(super) const INITIATOR_NUMBER: Slot = 42;
/// Names and remittance text: only in the trees that have them.
pub(super) const DEBTOR_NAME: Slot = 43;
pub(super) const CREDITOR_NAME: Slot = 44;
pub(super) const REMITTANCE: Slot = 45;

/// Accounts: IBAN, number, scheme, proxy.
pub(super) const DEBTOR: Slot = 48;
pub(super) const CREDITOR: Slot = 52;
pub(super) const OWN: Slot = 56;
/// Agents: BIC, clearing, member, other.
pub(super) const DEBTOR_AGENT: Slot = 64;
pub(super) const CREDITOR_AGENT: Slot = 68;
pub(super) const INSTRUCTING: Slot = 72;
pub(super) const INSTRUCTED: Slot = 76;
pub(super) const GROUP_INSTRUCTING: Slot = 80;
pub(super) const GROUP_INSTRUCTED: Slot = 84;
pub(super) const SERVICER: Slot = 88;
pub(super) const FROM: Slot = 92;
pub(super) const TO: Slot = 96;
pub(super) const SLOTS: usize = 100;

const NO_SLOT: Slot = Slot::MAX;

/// Whether a schema has this at most once, so that a second one is worth a warning.
pub(super) fn is_single(slot: Slot) -> bool {
    matches!(slot, END_TO_END_ID..=UETR | SETTLED_AMOUNT..=INSTRUCTED_AMOUNT | ENTRY_AMOUNT)
        || matches!(slot, DEBTOR..DEBTOR_AGENT)
}

/// What an element begins: texts of it and below are forgotten when another one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Batch,
    Entry,
    Instruction,
}

#[derive(Debug)]
pub(super) struct Node {
    name: &'static str,
    children: Vec<u16>,
    slot: Slot,
    /// Where its `Ccy` goes.
    pub(super) has_currency: bool,
    pub(super) scope: Option<Scope>,
    /// The slots at or below it.
    pub(super) below: u128,
}

/// The tree of one message.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(super) fn child(&self, node: u16, name: &str) -> Option<u16> {
        let children = &self.nodes[usize::from(node)].children;
        children.iter().copied().find(|&child| self.nodes[usize::from(child)].name == name)
    }

    pub(super) fn node(&self, node: u16) -> &Node {
        &self.nodes[usize::from(node)]
    }

    pub(super) fn slot(&self, node: u16) -> Option<Slot> {
        Some(self.nodes[usize::from(node)].slot).filter(|&slot| slot != NO_SLOT)
    }

    fn new(rows: &[Row], scopes: &[(&'static str, Scope)]) -> Tree {
        let root = Node::new("");
        let mut tree = Tree { nodes: vec![root] };
        for row in rows {
            let node = tree.path(&[row.at, row.rest]);
            tree.nodes[usize::from(node)].slot = row.slot;
            tree.nodes[usize::from(node)].has_currency = row.has_currency;
        }
        for &(path, scope) in scopes {
            let node = tree.path(&[path]);
            tree.nodes[usize::from(node)].scope = Some(scope);
        }
        // Children come behind their parents.
        for at in (0..tree.nodes.len()).rev() {
            let Node { slot, has_currency, ref children, .. } = tree.nodes[at];
            let own = if slot == NO_SLOT { 0 } else { 1_u128 << slot };
            let own = if has_currency { own | own << 1 } else { own };
            let below = children.iter().map(|&child| tree.nodes[usize::from(child)].below);
            tree.nodes[at].below = below.fold(own, |all, one| all | one);
        }
        tree
    }

    fn path(&mut self, parts: &[&'static str]) -> u16 {
        let mut at = 0;
        for name in parts.iter().flat_map(|part| part.split('/')).filter(|name| !name.is_empty()) {
            at = self.child(at, name).unwrap_or_else(|| {
                let new = u16::try_from(self.nodes.len()).expect("a table is short");
                self.nodes.push(Node::new(name));
                self.nodes[usize::from(at)].children.push(new);
                new
            });
        }
        at
    }
}

impl Node {
    fn new(name: &'static str) -> Node {
        Node {
            name,
            children: Vec::new(),
            slot: NO_SLOT,
            has_currency: false,
            scope: None,
            below: 0,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Row {
    at: &'static str,
    rest: &'static str,
    slot: Slot,
    has_currency: bool,
}

/// The parts of an account. Those of version 01 are among them.
const ACCOUNT: [(&str, Slot); 8] = [
    ("Id/IBAN", 0),
    ("Id/Othr/Id", 1),
    ("Id/BBAN", 1),
    ("Id/UPIC", 1),
    ("Id/PrtryAcct/Id", 1),
    ("Prxy/Id", 3),
    ("Id/Othr/SchmeNm/Cd", 2),
    ("Id/Othr/SchmeNm/Prtry", 2),
];

/// The parts of an agent.
const AGENT: [(&str, Slot); 7] = [
    ("FinInstnId/BICFI", 0),
    ("FinInstnId/BIC", 0),
    ("FinInstnId/CmbndId/BIC", 0),
    ("FinInstnId/ClrSysMmbId/ClrSysId/Cd", 1),
    ("FinInstnId/ClrSysMmbId/ClrSysId/Prtry", 1),
    ("FinInstnId/ClrSysMmbId/MmbId", 2),
    ("FinInstnId/Othr/Id", 3),
];

/// How it is to be paid: a local instrument and a level of service.
const TYPE: [(&str, Slot); 4] =
    [("LclInstrm/Cd", 0), ("LclInstrm/Prtry", 0), ("SvcLvl/Cd", 1), ("SvcLvl/Prtry", 1)];

/// How the text of a row is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Money,
    Account,
    Agent,
    Type,
}
use Form::{Account, Agent, Money, Text, Type};

type Rows = [(&'static str, Form, Slot)];

const HEADER: &Rows = &[
    ("BizMsgIdr", Text, HEADER_ID),
    ("MsgDefIdr", Text, HEADER_KIND),
    ("Fr/FIId", Agent, FROM),
    ("To/FIId", Agent, TO),
];

const PACS_008: &Rows = &[
    ("GrpHdr/MsgId", Text, MESSAGE_ID),
    ("GrpHdr/CreDtTm", Text, CREATED),
    ("GrpHdr/NbOfTxs", Text, COUNT),
    ("GrpHdr/CtrlSum", Text, SUM),
    ("GrpHdr/IntrBkSttlmDt", Text, GROUP_SETTLED),
    ("GrpHdr/PmtTpInf", Type, GROUP_INSTRUMENT),
    ("GrpHdr/InstgAgt", Agent, GROUP_INSTRUCTING),
    ("GrpHdr/InstdAgt", Agent, GROUP_INSTRUCTED),
    ("CdtTrfTxInf/PmtId/InstrId", Text, INSTRUCTION_ID),
    ("CdtTrfTxInf/PmtId/EndToEndId", Text, END_TO_END_ID),
    ("CdtTrfTxInf/PmtId/TxId", Text, TX_ID),
    ("CdtTrfTxInf/PmtId/UETR", Text, UETR),
    ("CdtTrfTxInf/PmtTpInf", Type, INSTRUMENT),
    ("CdtTrfTxInf/IntrBkSttlmAmt", Money, SETTLED_AMOUNT),
    ("CdtTrfTxInf/InstdAmt", Money, INSTRUCTED_AMOUNT),
    ("CdtTrfTxInf/IntrBkSttlmDt", Text, SETTLED),
    ("CdtTrfTxInf/AccptncDtTm", Text, ACCEPTED),
    ("CdtTrfTxInf/InstgAgt", Agent, INSTRUCTING),
    ("CdtTrfTxInf/InstdAgt", Agent, INSTRUCTED),
    ("CdtTrfTxInf/DbtrAcct", Account, DEBTOR),
    ("CdtTrfTxInf/DbtrAgt", Agent, DEBTOR_AGENT),
    ("CdtTrfTxInf/CdtrAgt", Agent, CREDITOR_AGENT),
    ("CdtTrfTxInf/CdtrAcct", Account, CREDITOR),
];

const PACS_004: &Rows = &[
    ("GrpHdr/MsgId", Text, MESSAGE_ID),
    ("GrpHdr/CreDtTm", Text, CREATED),
    ("GrpHdr/NbOfTxs", Text, COUNT),
    ("GrpHdr/InstgAgt", Agent, GROUP_INSTRUCTING),
    ("GrpHdr/InstdAgt", Agent, GROUP_INSTRUCTED),
    ("OrgnlGrpInf/OrgnlMsgId", Text, GROUP_ORIGINAL),
    ("TxInf/OrgnlGrpInf/OrgnlMsgId", Text, ORIGINAL_MESSAGE),
    ("TxInf/OrgnlInstrId", Text, INSTRUCTION_ID),
    ("TxInf/OrgnlEndToEndId", Text, END_TO_END_ID),
    ("TxInf/OrgnlTxId", Text, TX_ID),
    ("TxInf/OrgnlUETR", Text, UETR),
    ("TxInf/RtrdIntrBkSttlmAmt", Money, RETURNED_AMOUNT),
    ("TxInf/RtrdInstdAmt", Money, INSTRUCTED_AMOUNT),
    ("TxInf/InstgAgt", Agent, INSTRUCTING),
    ("TxInf/InstdAgt", Agent, INSTRUCTED),
    ("TxInf/OrgnlTxRef/DbtrAgt", Agent, DEBTOR_AGENT),
];

const PACS_002: &Rows = &[
    ("GrpHdr/MsgId", Text, MESSAGE_ID),
    ("GrpHdr/CreDtTm", Text, CREATED),
    ("GrpHdr/InstgAgt", Agent, GROUP_INSTRUCTING),
    ("GrpHdr/InstdAgt", Agent, GROUP_INSTRUCTED),
    ("OrgnlGrpInfAndSts/OrgnlMsgId", Text, GROUP_ORIGINAL),
    ("OrgnlGrpInfAndSts/GrpSts", Text, GROUP_STATUS),
    ("TxInfAndSts/OrgnlGrpInf/OrgnlMsgId", Text, ORIGINAL_MESSAGE),
    ("TxInfAndSts/OrgnlInstrId", Text, INSTRUCTION_ID),
    ("TxInfAndSts/OrgnlEndToEndId", Text, END_TO_END_ID),
    ("TxInfAndSts/OrgnlTxId", Text, TX_ID),
    ("TxInfAndSts/OrgnlUETR", Text, UETR),
    ("TxInfAndSts/TxSts", Text, STATUS),
    ("TxInfAndSts/InstgAgt", Agent, INSTRUCTING),
    ("TxInfAndSts/InstdAgt", Agent, INSTRUCTED),
    ("TxInfAndSts/OrgnlTxRef/DbtrAgt", Agent, DEBTOR_AGENT),
];

const PAIN_001: &Rows = &[
    ("GrpHdr/MsgId", Text, MESSAGE_ID),
    ("GrpHdr/CreDtTm", Text, CREATED),
    ("GrpHdr/NbOfTxs", Text, COUNT),
    ("GrpHdr/CtrlSum", Text, SUM),
    ("GrpHdr/InitgPty/Id/OrgId/AnyBIC", Text, INITIATOR),
    ("GrpHdr/InitgPty/Id/OrgId/BICOrBEI", Text, INITIATOR),
    ("GrpHdr/InitgPty/Id/OrgId/Othr/Id", Text, INITIATOR_NUMBER),
    ("PmtInf/PmtInfId", Text, BATCH_ID),
    ("PmtInf/ReqdExctnDt", Text, REQUESTED),
    ("PmtInf/ReqdExctnDt/Dt", Text, REQUESTED),
    ("PmtInf/ReqdExctnDt/DtTm", Text, REQUESTED),
    ("PmtInf/PmtTpInf", Type, GROUP_INSTRUMENT),
    ("PmtInf/DbtrAcct", Account, DEBTOR),
    ("PmtInf/DbtrAgt", Agent, DEBTOR_AGENT),
    ("PmtInf/CdtTrfTxInf/PmtId/InstrId", Text, INSTRUCTION_ID),
    ("PmtInf/CdtTrfTxInf/PmtId/EndToEndId", Text, END_TO_END_ID),
    ("PmtInf/CdtTrfTxInf/PmtId/UETR", Text, UETR),
    ("PmtInf/CdtTrfTxInf/PmtTpInf", Type, INSTRUMENT),
    ("PmtInf/CdtTrfTxInf/Amt/InstdAmt", Money, INSTRUCTED_AMOUNT),
    ("PmtInf/CdtTrfTxInf/Amt/EqvtAmt/Amt", Money, INSTRUCTED_AMOUNT),
    ("PmtInf/CdtTrfTxInf/CdtrAgt", Agent, CREDITOR_AGENT),
    ("PmtInf/CdtTrfTxInf/CdtrAcct", Account, CREDITOR),
];

const CAMT_053: &Rows = &[
    ("GrpHdr/MsgId", Text, MESSAGE_ID),
    ("GrpHdr/CreDtTm", Text, CREATED),
    ("Stmt/Id", Text, BATCH_ID),
    ("Stmt/CreDtTm", Text, BATCH_CREATED),
    ("Stmt/Acct", Account, OWN),
    ("Stmt/Acct/Svcr", Agent, SERVICER),
    ("Stmt/Ntry/NtryRef", Text, ENTRY_REFERENCE),
    ("Stmt/Ntry/AcctSvcrRef", Text, ENTRY_SERVICER_REFERENCE),
    ("Stmt/Ntry/Amt", Money, ENTRY_AMOUNT),
    ("Stmt/Ntry/CdtDbtInd", Text, ENTRY_DIRECTION),
    ("Stmt/Ntry/RvslInd", Text, REVERSAL),
    ("Stmt/Ntry/Sts", Text, ENTRY_STATUS),
    ("Stmt/Ntry/Sts/Cd", Text, ENTRY_STATUS),
    ("Stmt/Ntry/BookgDt/Dt", Text, BOOKED),
    ("Stmt/Ntry/BookgDt/DtTm", Text, BOOKED),
    ("Stmt/Ntry/ValDt/Dt", Text, VALUED),
    ("Stmt/Ntry/ValDt/DtTm", Text, VALUED),
    ("Stmt/Ntry/NtryDtls/TxDtls/Refs/AcctSvcrRef", Text, SERVICER_REFERENCE),
    ("Stmt/Ntry/NtryDtls/TxDtls/Refs/InstrId", Text, INSTRUCTION_ID),
    ("Stmt/Ntry/NtryDtls/TxDtls/Refs/EndToEndId", Text, END_TO_END_ID),
    ("Stmt/Ntry/NtryDtls/TxDtls/Refs/TxId", Text, TX_ID),
    ("Stmt/Ntry/NtryDtls/TxDtls/Refs/UETR", Text, UETR),
    ("Stmt/Ntry/NtryDtls/TxDtls/Amt", Money, SETTLED_AMOUNT),
    ("Stmt/Ntry/NtryDtls/TxDtls/AmtDtls/TxAmt/Amt", Money, INSTRUCTED_AMOUNT),
    ("Stmt/Ntry/NtryDtls/TxDtls/CdtDbtInd", Text, DIRECTION),
    ("Stmt/Ntry/NtryDtls/TxDtls/RltdPties/DbtrAcct", Account, DEBTOR),
    ("Stmt/Ntry/NtryDtls/TxDtls/RltdPties/CdtrAcct", Account, CREDITOR),
    ("Stmt/Ntry/NtryDtls/TxDtls/RltdAgts/DbtrAgt", Agent, DEBTOR_AGENT),
    ("Stmt/Ntry/NtryDtls/TxDtls/RltdAgts/CdtrAgt", Agent, CREDITOR_AGENT),
];

/// What is read beside, by message, where names are sealed; of remittance text all lines.
const NAMES: &[(MessageKind, &Rows)] = &[
    (
        MessageKind::Pacs008,
        &[
            ("CdtTrfTxInf/Dbtr/Nm", Text, DEBTOR_NAME),
            ("CdtTrfTxInf/Cdtr/Nm", Text, CREDITOR_NAME),
            ("CdtTrfTxInf/RmtInf/Ustrd", Text, REMITTANCE),
        ],
    ),
    (
        MessageKind::Pain001,
        &[
            ("PmtInf/Dbtr/Nm", Text, DEBTOR_NAME),
            ("PmtInf/CdtTrfTxInf/Cdtr/Nm", Text, CREDITOR_NAME),
            ("PmtInf/CdtTrfTxInf/RmtInf/Ustrd", Text, REMITTANCE),
        ],
    ),
    (
        MessageKind::Camt053,
        &[
            ("Stmt/Ntry/NtryDtls/TxDtls/RltdPties/Dbtr/Nm", Text, DEBTOR_NAME),
            ("Stmt/Ntry/NtryDtls/TxDtls/RltdPties/Dbtr/Pty/Nm", Text, DEBTOR_NAME),
            ("Stmt/Ntry/NtryDtls/TxDtls/RltdPties/Cdtr/Nm", Text, CREDITOR_NAME),
            ("Stmt/Ntry/NtryDtls/TxDtls/RltdPties/Cdtr/Pty/Nm", Text, CREDITOR_NAME),
            ("Stmt/Ntry/NtryDtls/TxDtls/RmtInf/Ustrd", Text, REMITTANCE),
        ],
    ),
];

fn names_of(kind: MessageKind) -> &'static Rows {
    NAMES.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, rows)| rows)
}

fn rows(table: &Rows) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(at, form, slot) in table {
        let parts: &[(&'static str, Slot)] = match form {
            Text | Money => &[("", 0)],
            Account => &ACCOUNT,
            Agent => &AGENT,
            Type => &TYPE,
        };
        let has_currency = form == Money;
        rows.extend(parts.iter().map(|&(rest, part)| Row {
            at,
            rest,
            slot: slot + part,
            has_currency,
        }));
    }
    rows
}

/// The names of the body's element, the rows, and the scopes of a message.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kind: MessageKind,
    /// What the body is called; in version 01 it is called as the message.
    pub(super) body: &'static str,
    table: &'static Rows,
    scopes: &'static [(&'static str, Scope)],
}

pub(super) const SHAPES: [Shape; 5] = [
    Shape {
        kind: MessageKind::Pacs008,
        body: "FIToFICstmrCdtTrf",
        table: PACS_008,
        scopes: &[("CdtTrfTxInf", Scope::Instruction)],
    },
    Shape {
        kind: MessageKind::Pacs004,
        body: "PmtRtr",
        table: PACS_004,
        scopes: &[("TxInf", Scope::Instruction)],
    },
    Shape {
        kind: MessageKind::Pacs002,
        body: "FIToFIPmtStsRpt",
        table: PACS_002,
        scopes: &[("TxInfAndSts", Scope::Instruction)],
    },
    Shape {
        kind: MessageKind::Pain001,
        body: "CstmrCdtTrfInitn",
        table: PAIN_001,
        scopes: &[("PmtInf", Scope::Batch), ("PmtInf/CdtTrfTxInf", Scope::Instruction)],
    },
    Shape {
        kind: MessageKind::Camt053,
        body: "BkToCstmrStmt",
        table: CAMT_053,
        scopes: &[
            ("Stmt", Scope::Batch),
            ("Stmt/Ntry", Scope::Entry),
            ("Stmt/Ntry/NtryDtls/TxDtls", Scope::Instruction),
        ],
    },
];

static TREES: LazyLock<Vec<Tree>> = LazyLock::new(|| {
    let tree = |shape: &Shape| Tree::new(&rows(shape.table), shape.scopes);
    SHAPES.iter().map(tree).collect()
});

static NAMED_TREES: LazyLock<Vec<Tree>> = LazyLock::new(|| {
    let tree = |shape: &Shape| {
        let all = [rows(shape.table), rows(names_of(shape.kind))].concat();
        Tree::new(&all, shape.scopes)
    };
    SHAPES.iter().map(tree).collect()
});

static HEADER_TREE: LazyLock<Tree> = LazyLock::new(|| Tree::new(&rows(HEADER), &[]));

/// The tree of a shape, by its position, with names or without.
pub(super) fn tree(shape: usize, has_names: bool) -> &'static Tree {
    if has_names { &NAMED_TREES[shape] } else { &TREES[shape] }
}

/// The tree of the business header.
pub(super) fn header_tree() -> &'static Tree {
    &HEADER_TREE
}

/// Every path whose text is read, with the message that it is in (`AppHdr` for the header). Of accounts,
/// agents and kinds of payment the parts that are read are under `Account`, `Agent` and `Type`.
pub fn allowed_fields() -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<(&str, &str)> = HEADER.iter().map(|&(path, ..)| ("AppHdr", path)).collect();
    for shape in &SHAPES {
        all.extend(shape.table.iter().map(|&(path, ..)| (shape.kind.name(), path)));
    }
    for (name, parts) in [("Account", &ACCOUNT[..]), ("Agent", &AGENT), ("Type", &TYPE)] {
        all.extend(parts.iter().map(|&(path, _)| (name, path)));
    }
    all
}

/// The paths that are read where names are sealed, with the message that each is in.
pub fn named_fields() -> Vec<(&'static str, &'static str)> {
    let of = |(kind, rows): &(MessageKind, &'static Rows)| {
        let name = kind.name();
        rows.iter().map(move |&(path, ..)| (name, path)).collect::<Vec<_>>()
    };
    NAMES.iter().flat_map(of).collect()
}
