//! The reader of kernel types: against types made by hand, and arbitrary bytes. The kernels' own are held against what
//! the programs read by the suites, in the guests: here no kernel need have any.

use proptest::prelude::*;

use super::*;

/// Types under construction.
#[derive(Default)]
struct Builder {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Builder {
    fn new() -> Self {
        Self { strings: vec![0], ..Self::default() }
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    fn put(&mut self, numbers: &[u32]) {
        self.types.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
    }

    /// A type that refers to another, or has a size.
    fn plain(&mut self, kind: u8, name: &str, refers: u32) -> u32 {
        let name = self.string(name);
        self.put(&[name, u32::from(kind) << 24, refers]);
        self.count += 1;
        self.count
    }

    fn int(&mut self) -> u32 {
        let id = self.plain(1, "int", 4);
        self.put(&[32]);
        id
    }

    /// Members: name, type, offset as it stands in the file.
    fn structure(&mut self, kind: u8, name: &str, flag: bool, members: &[(&str, u32, u32)]) -> u32 {
        let name = self.string(name);
        let count = u32::try_from(members.len()).unwrap();
        self.put(&[name, u32::from(flag) << 31 | u32::from(kind) << 24 | count, 64]);
        for (name, inner, offset) in members {
            let name = self.string(name);
            self.put(&[name, *inner, *offset]);
        }
        self.count += 1;
        self.count
    }

    /// A function of these arguments.
    fn function(&mut self, name: &str, arguments: &[u32]) -> u32 {
        let count = u32::try_from(arguments.len()).unwrap();
        self.put(&[0, u32::from(KIND_PROTOTYPE) << 24 | count, 0]);
        for argument in arguments {
            self.put(&[0, *argument]);
        }
        self.count += 1;
        let prototype = self.count;
        self.plain(KIND_FUNC, name, prototype)
    }

    fn bytes(&self) -> Vec<u8> {
        let types = u32::try_from(self.types.len()).unwrap();
        let strings = u32::try_from(self.strings.len()).unwrap();
        let mut bytes = [MAGIC.to_ne_bytes(), [1, 0]].concat();
        bytes.extend([24, 0, types, types, strings].iter().flat_map(|number: &u32| number.to_ne_bytes()));
        bytes.extend(&self.types);
        bytes.extend(&self.strings);
        bytes
    }
}

/// `struct file { int f_mode; union { struct { int pad; const path_t f_path; }; int other; }; }`, where
/// `path_t` is `struct path { int mnt; int dentry; }`.
fn file() -> Vec<u8> {
    let mut types = Builder::new();
    let int = types.int();
    let path = types.structure(KIND_STRUCT, "path", false, &[("mnt", int, 0), ("dentry", int, 64)]);
    let path = types.plain(KIND_TYPEDEF, "path_t", path);
    let path = types.plain(KIND_CONST, "", path);
    let inner = types.structure(KIND_STRUCT, "", false, &[("pad", int, 0), ("f_path", path, 64)]);
    let union = types.structure(KIND_UNION, "", false, &[("", inner, 0), ("other", int, 0)]);
    types.structure(KIND_STRUCT, "file", false, &[("f_mode", int, 0), ("", union, 128)]);
    types.plain(KIND_FUNC, "bpf_lsm_file_open", int);
    types.bytes()
}

#[test]
fn a_field_is_found_through_anonymous_structs_and_names_for_names() {
    let bytes = file();
    let types = KernelTypes::parse(&bytes).unwrap();
    assert_eq!(types.offset("file", "f_mode"), Some(0));
    assert_eq!(types.offset("file", "other"), Some(16));
    assert_eq!(types.offset("file", "f_path"), Some(24));
    assert_eq!(types.offset("file", "f_path.dentry"), Some(32));
    assert_eq!(types.offset("path", "dentry"), Some(8));
}

#[test]
fn a_functions_arguments_are_told_in_the_words_of_c_without_qualifiers() {
    let mut types = Builder::new();
    let int = types.int();
    let file = types.structure(KIND_STRUCT, "file", false, &[("f_mode", int, 0)]);
    let constant = types.plain(KIND_CONST, "", file);
    let pointer = types.plain(KIND_POINTER, "", constant);
    let nothing = types.plain(KIND_POINTER, "", 0);
    let pointer_to_pointer = types.plain(KIND_POINTER, "", pointer);
    let mode = types.plain(KIND_TYPEDEF, "umode_t", int);
    types.function("bpf_lsm_file_open", &[pointer, mode, nothing, pointer_to_pointer, int]);
    let bytes = types.bytes();
    let types = KernelTypes::parse(&bytes).unwrap();
    let told = types.arguments("bpf_lsm_file_open").unwrap();
    assert_eq!(told, ["struct file *", "umode_t", "void *", "struct file **", "int"]);
    assert_eq!(types.arguments("bpf_lsm_file_close"), None);
}

#[test]
fn every_missing_field_is_named_at_once() {
    let bytes = file();
    let types = KernelTypes::parse(&bytes).unwrap();
    let field = |structure, path| Field { symbol: "OFF", structure, path };
    let error = types.resolve(&[
        field("file", "f_mode"),
        field("file", "f_owner"),
        field("inode", "i_ino"),
        field("file", "f_mode.x"),
    ]);
    let text = error.unwrap_err().to_string();
    assert_eq!(
        text,
        "this kernel has no struct file: f_owner, no struct inode: i_ino, no struct file: f_mode.x"
    );
}

#[test]
fn fields_that_are_read_in_one_piece_stand_together() {
    let whole: Vec<_> = ENTRY.iter().map(|(field, behind)| (*field, 24 + behind)).collect();
    assert_eq!(stand_together(&whole), Ok(()));
    for at in 1..whole.len() {
        let mut torn = whole.clone();
        torn[at].1 += 8;
        let (field, at, expected) = (torn[at].0, torn[at].1, whole[at].1);
        assert_eq!(stand_together(&torn), Err(TypesError::Elsewhere { field, at, expected }));
    }
}

#[test]
fn functions_are_known_by_name() {
    let bytes = file();
    let types = KernelTypes::parse(&bytes).unwrap();
    assert_eq!(types.id("bpf_lsm_file_open"), Some(8));
    assert!(types.id("bpf_lsm_file_close").is_none());
    assert!(types.id("file").is_none(), "a struct is no symbol");
}

#[test]
fn a_bit_field_has_no_byte_offset_and_its_neighbour_has_one() {
    let mut types = Builder::new();
    let int = types.int();
    types.structure(KIND_STRUCT, "flags", true, &[("bit", int, 1 << 24), ("word", int, 32)]);
    let bytes = types.bytes();
    let types = KernelTypes::parse(&bytes).unwrap();
    assert_eq!(types.offset("flags", "bit"), None);
    assert_eq!(types.offset("flags", "word"), Some(4));
}

#[test]
fn two_structs_of_one_name_that_disagree_are_no_answer() {
    let mut types = Builder::new();
    let int = types.int();
    types.structure(KIND_STRUCT, "twice", false, &[("a", int, 0), ("b", int, 32)]);
    types.structure(KIND_STRUCT, "twice", false, &[("a", int, 0), ("b", int, 64)]);
    let bytes = types.bytes();
    let types = KernelTypes::parse(&bytes).unwrap();
    assert_eq!((types.offset("twice", "a"), types.offset("twice", "b")), (Some(0), None));
}

#[test]
fn types_that_refer_to_themselves_end() {
    let mut types = Builder::new();
    types.plain(KIND_TYPEDEF, "loop", 1);
    types.structure(KIND_STRUCT, "", false, &[("", 2, 0)]);
    types.structure(KIND_STRUCT, "s", false, &[("", 2, 0), ("x", 1, 0)]);
    let bytes = types.bytes();
    let types = KernelTypes::parse(&bytes).unwrap();
    assert_eq!(types.offset("s", "y"), None);
    assert_eq!(types.offset("s", "x.y"), None);
}

#[test]
fn what_is_no_btf_is_told_with_its_place() {
    assert!(matches!(KernelTypes::parse(b""), Err(TypesError::Malformed { at: 0, .. })));
    let mut bytes = file();
    bytes.truncate(100);
    assert!(matches!(KernelTypes::parse(&bytes), Err(TypesError::Malformed { .. })));
    let mut strange = file();
    strange[24 + 7] = 60;
    assert!(matches!(KernelTypes::parse(&strange), Err(TypesError::Malformed { at: 24, .. })));
}

#[test]
fn a_field_of_several_names_is_the_first_that_is_there_and_may_be_none() {
    let bytes = file();
    let types = KernelTypes::parse(&bytes).unwrap();
    let resolved = |path| types.resolve(&[Field { symbol: "OFF", structure: "file", path }]);
    assert_eq!(resolved("f_owner|f_path.dentry|f_mode").unwrap(), [("OFF", 32)]);
    assert_eq!(resolved("f_owner|").unwrap(), [("OFF", ABSENT)]);
    assert_eq!(
        resolved("f_owner|f_cred").unwrap_err().to_string(),
        "this kernel has no struct file: f_owner or f_cred"
    );
}

fn probe(bytes: &[u8]) {
    if let Ok(types) = KernelTypes::parse(bytes) {
        let _ = types.resolve(guard_common::fields::ALL);
        let _ = (types.offset("file", "f_path.dentry"), types.id("x"));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        probe(&bytes);
        let framed = [&file()[..24], &bytes].concat();
        probe(&framed);
    }

    #[test]
    fn no_change_of_good_types_makes_it_panic(changes in proptest::collection::vec((0_usize..400, any::<u8>()), 1..8)) {
        let mut bytes = file();
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        probe(&bytes);
    }
}
