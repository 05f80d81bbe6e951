//! Drawings as HTML, in the same boxes as the figures.

use play::draw::{asked, controls, escape, prose};

use super::{Drawing, Floor, Kind, Part, Picture, Piece, Row, Shape, Way};

/// The whole drawing, on one line.
pub fn figure(drawing: &Drawing) -> String {
    let Drawing { name, title, told, pictures, .. } = drawing;
    let (name, title, told) = (escape(name), escape(title), prose(told));
    let drawn = self::pictures(drawing);
    let legend = legend(drawing);
    let plays = pictures.len() > 1;
    let (mut moves, mut class) = (String::new(), " is-one");
    if plays {
        class = "";
        let asks = pictures.iter().any(|it| it.asks.is_some());
        moves = format!(
            "{}{}{}<p class='hf-aloud' role='status' aria-live='polite'></p>",
            words(pictures),
            controls(pictures.len() - 1, asks),
            steps(drawing),
        );
    }
    format!(
        "<figure class='heap-figure drawing{class}' data-scenario='{name}'>\
         <figcaption>{title} <span class='hf-heap'>{told}</span></figcaption>\
         <div class='hf-body'>{drawn}{moves}{legend}</div></figure>"
    )
}

/// The questions with their answers, for the back of the book.
pub fn answers(drawing: &Drawing) -> String {
    let questions = drawing.pictures.iter().filter_map(|it| it.asks.as_ref());
    let answers: String = questions
        .map(|it| {
            let (text, answer) = (prose(&it.text), prose(&it.answer));
            format!("<li>{text} <b>{answer}</b></li>")
        })
        .collect();
    format!("<div class='heap-figure hf-answers'><ol>{answers}</ol></div>")
}

fn pictures(drawing: &Drawing) -> String {
    let mut html = String::new();
    let mut before: Option<&Picture> = None;
    for (index, picture) in drawing.pictures.iter().enumerate() {
        let mut class = "hf-picture".to_owned();
        if index == drawing.still {
            class += " is-still";
        }
        let next = drawing.pictures.get(index + 1);
        let asked = next.and_then(|next| folded(index + 1, next));
        if asked.is_some() {
            class += " is-before";
        }
        let asked = asked.unwrap_or_default();
        let floors: String = (0..)
            .zip(&picture.floors)
            .map(|(at, it)| floor(it, before.and_then(|it| it.floors.get(at))))
            .collect();
        html += &format!(
            "<div class='{class}' data-step='{index}'>{floors}{asked}</div>"
        );
        before = Some(picture);
    }
    format!("<div class='hf-pictures'>{html}</div>")
}

/// What is asked before a picture, where nothing moves.
fn folded(index: usize, picture: &Picture) -> Option<String> {
    let asks = picture.asks.as_ref()?;
    let (text, answer) = (prose(&asks.text), prose(&asks.answer));
    let said = prose(&picture.said);
    Some(format!(
        "<details class='hf-asked'><summary>{index}. {text}</summary>\
         <p>{answer} {said}</p></details>"
    ))
}

fn floor(floor: &Floor, before: Option<&Floor>) -> String {
    let parts: String = (0..)
        .zip(&floor.parts)
        .map(|(at, it)| part(it, before.and_then(|it| it.parts.get(at))))
        .collect();
    let way = floor.way.map_or(String::new(), |way| {
        let (class, words) = match way {
            Way::Both(words) => ("dr-way", words),
            Way::Down(words) => ("dr-way is-down", words),
        };
        format!("<p class='{class}'>{}</p>", escape(words))
    });
    format!("<div class='dr-floor'>{parts}</div>{way}")
}

fn part(part: &Part, before: Option<&Part>) -> String {
    let rows: String = part
        .rows
        .iter()
        .map(|it| {
            let was = before.and_then(|before| {
                before.rows.iter().find(|was| was.label == it.label)
            });
            row(it, before.is_some(), was)
        })
        .collect();
    let title = match part.title.is_empty() {
        true => String::new(),
        false => format!("<p class='dr-title'>{}</p>", prose(&part.title)),
    };
    format!("<div class='dr-part'>{title}{rows}</div>")
}

/// A row. Its boxes that were not there before are marked.
fn row(row: &Row, has_before: bool, was: Option<&Row>) -> String {
    let class = match row.shape {
        Shape::Memory => "dr-memory",
        Shape::List => "dr-list",
    };
    let is_new = |at: usize, piece: &Piece| match (was, row.shape) {
        (None, _) => has_before,
        (Some(was), Shape::Memory) => was.pieces.get(at) != Some(piece),
        (Some(was), Shape::List) => !was.pieces.contains(piece),
    };
    let mut boxes: String = (0..)
        .zip(&row.pieces)
        .map(|(at, piece)| self::piece(piece, is_new(at, piece)))
        .collect();
    if row.pieces.is_empty() {
        boxes = "<li class='dr-empty'>empty</li>".to_owned();
    }
    let label = match row.label.is_empty() {
        true => String::new(),
        false => format!("<p class='dr-label'>{}</p>", prose(&row.label)),
    };
    format!("<div class='dr-row'>{label}<ol class='{class}'>{boxes}</ol></div>")
}

fn piece(piece: &Piece, is_new: bool) -> String {
    let Piece { kind, text, len } = piece;
    let Some(kind) = kind else {
        return format!("<li style='--len:{len}'></li>");
    };
    let class = class(*kind);
    let new = if is_new { " is-new" } else { "" };
    let text = prose(text);
    format!(
        "<li class='hf-span {class}{new}' style='--len:{len}'>\
         <span class='hf-box'>{text}</span></li>"
    )
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Payload => "is-payload",
        Kind::Foreign => "is-foreign",
        Kind::Header => "is-header",
        Kind::Free => "is-free",
        Kind::Leaked => "is-leaked",
        Kind::Padding => "is-padding",
    }
}

/// What is said about each picture, and asked before it.
fn words(pictures: &[Picture]) -> String {
    let mut html = String::new();
    for (index, Picture { did, said, asks, .. }) in pictures.iter().enumerate()
    {
        let code = match did.is_empty() {
            true => String::new(),
            false => format!("<b class='hf-code'>{}</b> ", escape(did)),
        };
        let said = prose(said);
        html += &format!(
            "<p class='hf-said' data-step='{index}'>\
             <span class='hf-verdict'></span>{code}{said}</p>"
        );
        html += &asks.as_ref().map_or(String::new(), |it| asked(index, it));
    }
    format!("<div class='hf-words' hidden>{html}</div>")
}

/// The steps, with what there is to say where nothing moves.
fn steps(drawing: &Drawing) -> String {
    let mut html = String::new();
    for (index, picture) in drawing.pictures.iter().enumerate().skip(1) {
        let Picture { did, said, asks, .. } = picture;
        let (code, said) = (escape(did), prose(said));
        let next = drawing.pictures.get(index + 1);
        let is_before = next.is_some_and(|next| next.asks.is_some());
        let pictured = match is_before || index == drawing.still {
            true => "<span class='hf-pictured'>pictured</span> ",
            false => "",
        };
        let (class, note) = match asks {
            None => {
                let said = format!("{pictured}{said}");
                ("", format!(" <span class='hf-note'>{said}</span>"))
            }
            Some(_) => {
                let note = pictured.trim_end();
                let note = match note.is_empty() {
                    true => String::new(),
                    false => format!(" <span class='hf-note'>{note}</span>"),
                };
                (" class='is-asked'", note)
            }
        };
        html += &format!(
            "<li{class} data-step='{index}'><span class='hf-step'>\
             <span class='hf-number'>{index}</span> \
             <span class='hf-code'>{code}</span></span>{note}</li>"
        );
    }
    format!("<ol class='hf-operations'>{html}</ol>")
}

fn legend(drawing: &Drawing) -> String {
    let key = |(kind, meaning): &(Kind, &str)| {
        let class = class(*kind);
        let meaning = prose(meaning);
        format!(
            "<li class='{class}'><span class='hf-box'></span>{meaning}</li>"
        )
    };
    let keys: String = drawing.keys.iter().map(key).collect();
    format!("<ul class='hf-legend'>{keys}</ul>")
}
