//! Names of organisations, compared as people mean them: case, punctuation and legal forms do not count, words do.

/// Legal forms, as they end (or in Lithuania begin) a registered name.
const LEGAL: &str = "ab ag as bv co company corp corporation gmbh inc incorporated kg kgaa limited llc ltd nv oy oyj \
    plc private pte pty pvt sa sas sau se spa srl uab ulc";

/// A name of an organisation as words: `Prama Hikvision India Private Limited` is `prama hikvision india`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Organisation {
    words: Vec<String>,
}

impl Organisation {
    /// Takes a name apart: words in lower case, letters that stand alone joined (`S.p.A.` is `spa`), legal forms left
    /// out.
    pub fn new(name: &str) -> Organisation {
        let mut words: Vec<String> = Vec::new();
        // Letters that stand alone are one abbreviation: `S.p.A.` is `spa`.
        let mut letters = String::new();
        for word in name
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            let word = word.to_lowercase();
            if word.chars().count() == 1 && word.chars().all(char::is_alphabetic) {
                letters.push_str(&word);
                continue;
            }
            if !letters.is_empty() {
                words.push(std::mem::take(&mut letters));
            }
            words.push(word);
        }
        if !letters.is_empty() {
            words.push(letters);
        }
        let is_legal = |word: &String| LEGAL.split(' ').any(|form| form == word);
        // A name made of nothing but legal forms keeps its first word.
        while words.len() > 1 && words.last().is_some_and(is_legal) {
            words.pop();
        }
        while words.len() > 1 && words.first().is_some_and(|word| word == "uab") {
            words.remove(0);
        }
        Organisation { words }
    }

    /// Nothing of the name was a word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words with one space between.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// Its beginnings, word by word, the longest (the whole) first.
    pub fn beginnings(&self) -> impl Iterator<Item = String> {
        (1..=self.words.len())
            .rev()
            .filter_map(|count| self.words.get(..count).map(|words| words.join(" ")))
    }
}

#[test]
fn spelling_and_legal_forms_do_not_count_but_words_do() {
    let same = |a: &str, b: &str| Organisation::new(a) == Organisation::new(b);
    assert!(same(
        "Zhejiang Dahua Technology Co., Ltd.",
        "ZHEJIANG DAHUA TECHNOLOGY"
    ));
    assert!(same(
        "Hytera Communications Co .,ltd",
        "Hytera Communications Corporation Limited"
    ));
    assert!(same("UAB TELTONIKA NETWORKS", "Teltonika Networks"));
    assert!(same(
        "Mitsubishi Electric Europe B.V",
        "mitsubishi electric europe"
    ));
    assert!(same("Phoenix Contact GmbH & Co. KG", "Phoenix Contact"));
    assert!(!same("Shanghai Dahua Scale Factory", "Dahua"));
    assert!(!same("ZTEC Instruments, Inc.", "zte corporation"));
    assert_eq!(Organisation::new("Private").text(), "private");
    assert!(Organisation::new(" ,. ").is_empty());
}
