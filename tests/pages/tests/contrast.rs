//! What has a colour can be told from its ground, in every theme.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use book::build::folder;
use book::plot::lines::LOOKS;
use mdbook_driver::MDBook;
use tempfile::TempDir;

/// Red, green and blue, from 0 to 1.
type Colour = [f64; 3];

/// A theme of mdBook, the style of its code, and whether it is dark.
const THEMES: [(&str, &str, bool); 5] = [
    ("light", "highlight", false),
    ("rust", "highlight", false),
    ("coal", "tomorrow-night", true),
    ("navy", "tomorrow-night", true),
    ("ayu", "ayu-highlight", true),
];

/// What Rust is made of, as the book marks it.
const CLASSES: [&str; 9] = [
    "comment", "string", "symbol", "number", "title", "keyword", "literal",
    "built_in", "meta",
];

/// The rules of a style: selectors and declarations, without comments.
fn rules(css: &str) -> Vec<(String, String)> {
    let mut plain = String::new();
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        plain += before;
        rest = comment.split_once("*/").map_or("", |parts| parts.1);
    }
    plain += rest;
    let rules = plain.split('}').filter_map(|rule| rule.split_once('{'));
    rules
        .map(|(names, rule)| (names.trim().to_owned(), rule.to_owned()))
        .collect()
}

/// What a rule says of a property.
fn property<'a>(rule: &'a str, name: &str) -> Option<&'a str> {
    rule.split(';').find_map(|declaration| {
        let (property, value) = declaration.split_once(':')?;
        (property.trim() == name).then(|| value.trim())
    })
}

fn colour(text: &str) -> Colour {
    let hsl = text.strip_prefix("hsl(").and_then(|it| it.strip_suffix(')'));
    if let Some(hsl) = hsl {
        let parts: Vec<f64> = hsl
            .split(',')
            .map(|part| part.trim().trim_end_matches('%').parse().unwrap())
            .collect();
        return from_hsl(parts[0], parts[1] / 100.0, parts[2] / 100.0);
    }
    let digits = text.strip_prefix('#').unwrap_or_else(|| panic!("{text}"));
    let width = if digits.len() == 3 { 1 } else { 2 };
    std::array::from_fn(|index| {
        let digits = &digits[index * width..][..width];
        let digits = digits.repeat(3 - width);
        f64::from(u8::from_str_radix(&digits, 16).unwrap()) / 255.0
    })
}

fn from_hsl(hue: f64, saturation: f64, lightness: f64) -> Colour {
    let reach = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let at = (offset + hue / 30.0) % 12.0;
        lightness - reach * (at - 3.0).min(9.0 - at).clamp(-1.0, 1.0)
    })
}

/// The side of `light-dark(a, b)` that is in force, or the one colour.
fn side(value: &str, dark: bool) -> Colour {
    let both = value
        .strip_prefix("light-dark(")
        .and_then(|value| value.strip_suffix(')'))
        .and_then(|value| value.split_once(','));
    match both {
        Some((light, _)) if !dark => colour(light.trim()),
        Some((_, dark)) => colour(dark.trim()),
        None => colour(value),
    }
}

/// By the definition of the Web Content Accessibility Guidelines.
fn contrast(one: Colour, other: Colour) -> f64 {
    let luminance = |colour: Colour| {
        let [red, green, blue] = colour.map(|part| {
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// mdBook's styles and ours.
struct Styles {
    // An empty book.
    empty: TempDir,
    book: Vec<(String, String)>,
    plot: Vec<(String, String)>,
}

impl Styles {
    fn new() -> Self {
        let empty = TempDir::new().unwrap();
        let book = MDBook::init(empty.path()).build().unwrap();
        book.build().unwrap();
        let ours = |name| {
            rules(
                &fs::read_to_string(folder().join("theme").join(name)).unwrap(),
            )
        };
        Self { empty, book: ours("book.css"), plot: ours("plot.css") }
    }

    /// A style of mdBook's. The name of its file ends in a hash.
    fn mdbook(&self, name: &str) -> Vec<(String, String)> {
        let start = self.empty.path().join("book").join(format!("{name}-"));
        let folder = fs::read_dir(start.parent().unwrap()).unwrap();
        let mut files = folder.map(|file| file.unwrap().path());
        let is_it = |file: &PathBuf| {
            file.display().to_string().starts_with(&*start.to_string_lossy())
                && file.extension().is_some_and(|end| end == "css")
        };
        rules(&fs::read_to_string(files.find(is_it).unwrap()).unwrap())
    }

    fn ground(&self, theme: &str) -> Colour {
        let rules = self.mdbook("css/variables");
        let is_it = |names: &str| names.starts_with(&format!(".{theme}"));
        let mut rules = rules.iter().filter(|(names, _)| is_it(names));
        colour(rules.find_map(|(_, rule)| property(rule, "--bg")).unwrap())
    }

    /// The colours of code in a theme, by class.
    fn code(&self, theme: &str, style: &str) -> BTreeMap<&str, Colour> {
        let mut colours = BTreeMap::new();
        for (names, rule) in self.mdbook(style).iter().chain(&self.book) {
            let Some(value) = property(rule, "color") else { continue };
            // Where there are no scripts, there are no themes.
            if names.contains(':') {
                continue;
            }
            for name in names.split(',').map(str::trim) {
                let ours = name.strip_prefix(&format!(".{theme} "));
                let class = ours.unwrap_or(name).strip_prefix(".hljs-");
                let known = CLASSES.into_iter().find(|it| Some(*it) == class);
                if let Some(class) = known {
                    colours.insert(class, colour(value));
                }
            }
        }
        colours
    }
}

fn find<'a>(rules: &'a [(String, String)], names: &str, name: &str) -> &'a str {
    let mut rules = rules.iter().filter(|rule| rule.0 == names);
    rules
        .find_map(|(_, rule)| property(rule, name))
        .unwrap_or_else(|| panic!("{names} has no {name}"))
}

#[test]
fn the_contrast_of_colours_is_that_of_the_guidelines() {
    let hundredths = |a, b| (contrast(colour(a), colour(b)) * 100.0).round();
    assert_eq!(hundredths("#000", "#ffffff"), 2100.0);
    assert_eq!(hundredths("#777777", "#fff"), 448.0);
    assert_eq!(colour("hsl(0, 0%, 100%)"), colour("#fff"));
    let navy = colour("hsl(226, 23%, 11%)").map(|part| (part * 255.0).round());
    assert_eq!(navy, [22.0, 25.0, 35.0]);
}

#[test]
fn changed_words_can_be_read_in_every_theme() {
    let styles = Styles::new();
    let word = find(&styles.book, ".hunks b", "color");
    for ground in ["--added-word", "--removed-word"] {
        let value = find(&styles.book, ":root", ground);
        for dark in [false, true] {
            let found = contrast(side(word, dark), side(value, dark));
            assert!(found >= 4.5, "{ground}, dark {dark}: {found:.2}");
        }
    }
}

#[test]
fn changed_lines_can_be_read_in_every_theme() {
    let styles = Styles::new();
    for (theme, style, dark) in THEMES {
        let code = styles.code(theme, style);
        assert!(code.len() >= 7, "{theme}: {:?}", code.keys());
        for ground in ["--added", "--removed"] {
            let value = find(&styles.book, ":root", ground);
            for (class, colour) in &code {
                let found = contrast(*colour, side(value, dark));
                assert!(
                    found >= 4.5,
                    "{class} on {ground} in {theme}: {found:.2}"
                );
            }
        }
    }
}

#[test]
fn bars_or_their_edges_stand_out_from_the_ground_in_every_theme() {
    let styles = Styles::new();
    // The pale bars of light themes are seen by their edge.
    let edge = find(&styles.plot, ".plot-part-2, .plot-part-3", "stroke");
    let light_edge = edge.split(['(', ',']).nth(1).unwrap();
    for (theme, _, dark) in THEMES {
        for part in 0..6 {
            let name = format!("--plot-{part}");
            let has_edge = !dark && [2, 3].contains(&part);
            let bar = find(&styles.plot, ".plot", &name);
            let seen =
                if has_edge { colour(light_edge) } else { side(bar, dark) };
            let found = contrast(seen, styles.ground(theme));
            assert!(found >= 3.0, "{name} in {theme}: {found:.2}");
        }
    }
}

#[test]
fn quiet_words_and_code_can_be_read_on_a_page_and_in_a_quotation() {
    let styles = Styles::new();
    let mdbook = styles.mdbook("css/variables");
    for (theme, _, dark) in THEMES {
        let class = format!(".{theme}");
        let theirs = |name: &str| {
            let is_it = |names: &&str| names.starts_with(&class);
            let rules = mdbook.iter().filter(|(names, _)| is_it(&&**names));
            rules.filter_map(|(_, rule)| property(rule, name)).next()
        };
        let ours = |names: &str, name| {
            let mut rules = styles.book.iter().filter(|rule| rule.0 == names);
            rules.find_map(|(_, rule)| property(rule, name))
        };
        let of_theme = |name| ours(&class, name).or_else(|| theirs(name));
        let quiet = ours(&class, "--quiet").map_or_else(
            || side(find(&styles.book, ":root", "--quiet"), dark),
            colour,
        );
        let code = colour(of_theme("--inline-code-color").expect("a colour"));
        for ground in ["--bg", "--quote-bg"] {
            let under = colour(of_theme(ground).expect("a ground"));
            for (what, text) in [("quiet", quiet), ("code", code)] {
                let found = contrast(text, under);
                let place = format!("{what} on {ground} in {theme}");
                assert!(found >= 4.5, "{place}: {found:.2}");
            }
        }
    }
}

#[test]
fn the_edge_of_a_surface_stands_out_from_the_ground_in_every_theme() {
    let styles = Styles::new();
    assert_eq!(
        find(&styles.plot, ".plot-surface", "stroke"),
        "var(--plot-edge)"
    );
    let edge = find(&styles.plot, ".plot", "--plot-edge");
    for (theme, _, dark) in THEMES {
        let found = contrast(side(edge, dark), styles.ground(theme));
        assert!(found >= 3.0, "--plot-edge in {theme}: {found:.2}");
    }
}

#[test]
fn lines_stand_out_from_the_ground_in_every_theme() {
    let styles = Styles::new();
    let lines = LOOKS.iter().map(|(name, _)| name.replace(' ', "-"));
    for line in lines.chain(["peer".to_owned()]) {
        let class = format!(".plot-{line}");
        let is_its = |names: &str| names.split(", ").any(|it| it == class);
        let mut rules = styles.plot.iter().filter(|(names, _)| is_its(names));
        let look = rules.find_map(|(_, rule)| property(rule, "--plot-look"));
        let look = look.unwrap_or_else(|| panic!("{class} has no colour"));
        for (theme, _, dark) in THEMES {
            let found = contrast(side(look, dark), styles.ground(theme));
            assert!(found >= 3.0, "{class} in {theme}: {found:.2}");
        }
    }
}

/// An empty square is seen by its edge alone.
#[test]
fn the_signs_on_a_poster_stand_out_from_the_ground_in_every_theme() {
    let styles = Styles::new();
    let map = fs::read_to_string(folder().join("theme/map.css")).unwrap();
    let map = rules(&map);
    let holds = find(&map, ".po-signs i", "border");
    let (_, holds) = holds.split_once("solid ").unwrap();
    let empty = [".po-signs .fails", ".po-signs .no-question"]
        .map(|names| find(&map, names, "border-color"));
    for (theme, _, dark) in THEMES {
        for edge in [holds, empty[0], empty[1]] {
            let found = contrast(side(edge, dark), styles.ground(theme));
            assert!(found >= 3.0, "{edge} in {theme}: {found:.2}");
        }
    }
}

/// An example in an empty line is to be read as well. The colours of its ground
/// and its letters are those of the figures.
#[test]
fn what_an_empty_line_suggests_can_be_read_in_every_theme() {
    let theme = |name: &str| {
        let path = folder().join("theme").join(name);
        let text = fs::read_to_string(path).unwrap();
        rules(&text.replace("@media screen {", ""))
    };
    let (tries, figure) = (theme("try.css"), theme("figure.css"));
    let letters = find(&tries, ".try input::placeholder", "color");
    let opacity = find(&tries, ".try input::placeholder", "opacity");
    assert_eq!((letters, opacity), ("var(--hf-soft)", "1"));
    for (name, _, dark) in THEMES {
        let colour_of = |property: &str| {
            let own = figure.iter().filter(|(names, _)| {
                names.ends_with(&format!("html.{name} .heap-figure"))
            });
            let mut own =
                own.filter_map(|(_, rule)| self::property(rule, property));
            let common = find(&figure, ".heap-figure", property);
            side(own.next_back().unwrap_or(common), dark)
        };
        let found = contrast(colour_of("--hf-soft"), colour_of("--hf-paper"));
        assert!(found >= 4.5, "{name}: {found:.2}");
    }
}
