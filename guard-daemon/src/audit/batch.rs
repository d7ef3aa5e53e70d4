//! A batch: records in, rows out. Pure. Every batch ends in a signed checkpoint, and within it one stands after
//! each [`CHECKPOINT_EVERY`] entries: no entry is ever stored that no checkpoint covers.

use super::checkpoint::Checkpoint;
use super::entry::{Draft, Head, Host, Stamp, VERSION};
use super::ledger::Pending;
use super::sign::LedgerKey;
use super::store::{Family, Rows};
use super::terms;
use super::tree::{Frontier, leaf_hash};

/// Most entries under one checkpoint that no earlier one covers.
pub const CHECKPOINT_EVERY: usize = 256;
/// What the `meta` family's row `format` holds.
pub(super) const FORMAT: &[u8] = b"guard-ledger/1";
/// Row of the `meta` family: the format.
pub(super) const META_FORMAT: &[u8] = b"format";
/// Row of the `meta` family: the tree's frontier.
pub(super) const META_FRONTIER: &[u8] = b"frontier";

/// What is to be written, and what is so once it is written.
pub(super) struct Batch {
    pub(super) rows: Rows,
    pub(super) tree: Frontier,
    pub(super) checkpoint: Checkpoint,
}

/// The rows of a new ledger: its format, and a checkpoint of nothing that binds it to its key.
pub(super) fn first(key: &LedgerKey) -> Rows {
    let (mut rows, tree) = (Rows::default(), Frontier::default());
    rows.put(Family::Meta, META_FORMAT, FORMAT);
    rows.put(Family::Meta, META_FRONTIER, tree.to_bytes());
    seal(&mut rows, &tree, key);
    rows
}

/// The rows of these records, at the end of this tree.
pub(super) fn build(
    tree: &Frontier,
    pending: &[Pending],
    stamp: &Stamp,
    host: &Host,
    key: &LedgerKey,
) -> Batch {
    let (mut rows, mut tree, mut sealed) = (Rows::default(), tree.clone(), None);
    for chunk in pending.chunks(CHECKPOINT_EVERY) {
        let checkpoint = tree.size() + chunk.len() as u64;
        for Pending { record, durability: _ } in chunk {
            let Stamp { boot, wall_ns, boot_ns } = stamp;
            let (wall_ns, boot_ns, index) = (*wall_ns, *boot_ns, tree.size());
            let draft = Draft { version: VERSION, index, checkpoint, boot, wall_ns, boot_ns, host, record };
            push(&mut rows, &mut tree, draft.to_bytes());
        }
        sealed = Some(seal(&mut rows, &tree, key));
    }
    let checkpoint = sealed.unwrap_or_else(|| seal(&mut rows, &tree, key));
    rows.put(Family::Meta, META_FRONTIER, tree.to_bytes());
    Batch { rows, tree, checkpoint }
}

/// The row that keeps a tree's frontier.
pub(super) fn frontier(tree: &Frontier) -> Rows {
    let mut rows = Rows::default();
    rows.put(Family::Meta, META_FRONTIER, tree.to_bytes());
    rows
}

fn push(rows: &mut Rows, tree: &mut Frontier, bytes: Vec<u8>) {
    let (key, leaf) = (tree.size().to_be_bytes(), leaf_hash(&bytes));
    let head = Head::parse(&bytes).expect("an entry that was just written reads back");
    for row in terms::rows(&head) {
        rows.put(Family::Terms, row, []);
    }
    rows.put(Family::Leaves, key, leaf);
    rows.put(Family::Entries, key, bytes);
    tree.push(leaf);
}

fn seal(rows: &mut Rows, tree: &Frontier, key: &LedgerKey) -> Checkpoint {
    let checkpoint = Checkpoint::sign(key, tree);
    rows.put(Family::Checkpoints, tree.size().to_be_bytes(), checkpoint.note());
    checkpoint
}
