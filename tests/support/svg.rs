//! What was on a terminal, as a picture.

use std::fmt::Write;
use std::num::NonZeroU16;

use vt100::{Cell, Color, Parser};

/// More than any picture has.
const ROWS: NonZeroU16 = NonZeroU16::new(500).unwrap();

/// In pixels: a cell's width and height, and what is left free at the edges.
const CELL: (f32, f32) = (7.2, 17.0);
const EDGE: f32 = 14.0;

/// A background of its own, so that it can be read on light and on dark pages.
const BACKGROUND: &str = "#0d1117";
const TEXT: &str = "#e6edf3";
const FAINT: &str = "#8b949e";

/// Of black, red, green, yellow, blue, magenta, cyan and white.
const COLORS: [&str; 8] = ["#8b949e", "#ff7b72", "#3fb950", "#d29922", "#79c0ff", "#d2a8ff", "#39c5cf", TEXT];

/// Draws what a terminal of so many columns shows after all this was written to it, with a title and with its text
/// for those who cannot see it.
pub(crate) fn picture(written: &str, columns: u16, title: &str) -> String {
    let mut terminal = Parser::new(ROWS, columns.try_into().unwrap(), 0);
    terminal.process(written.as_bytes());
    let screen = terminal.screen();
    let text = screen.contents();
    let rows = screen.cursor_position().0 + 1;
    let (width, height) = (f32::from(columns) * CELL.0 + 2.0 * EDGE, f32::from(rows) * CELL.1 + 2.0 * EDGE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title text\">\n<title id=\"title\">{}</title>\n<desc id=\"text\">{}</desc>\n\
         <style>text {{ font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; \
         white-space: pre; fill: {TEXT} }}</style>\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{BACKGROUND}\" stroke=\"#30363d\"/>\n",
        escape(title),
        escape(&text),
        width - 1.0,
        height - 1.0
    );
    for row in 0..rows {
        let cells: Vec<&Cell> = (0..columns).filter_map(|column| screen.cell(row, column)).collect();
        let mut column = 0u16;
        for run in cells.chunk_by(|a, b| style(a) == style(b)) {
            let text: String = run.iter().map(|cell| if cell.has_contents() { cell.contents() } else { " " }).collect();
            let used = text.trim_end();
            if !used.trim_start().is_empty() {
                let (x, y) = (EDGE + f32::from(column) * CELL.0, EDGE + f32::from(row) * CELL.1 + 12.0);
                // Whatever the font: what stands below each other on a terminal does so here.
                let length = f32::from(narrow(used.chars().count())) * CELL.0;
                let (style, used) = (style(run[0]), escape(used));
                writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\"{style}>{used}</text>").unwrap();
            }
            column += narrow(run.len());
        }
    }
    svg + "</svg>\n"
}

/// A number of cells in a row.
fn narrow(cells: usize) -> u16 {
    cells.try_into().unwrap()
}

fn style(cell: &Cell) -> String {
    let color = match cell.fgcolor() {
        Color::Idx(index) => COLORS[usize::from(index % 8)],
        _ if cell.dim() => FAINT,
        _ => TEXT,
    };
    let weight = if cell.bold() { "; font-weight: bold" } else { "" };
    if color == TEXT && weight.is_empty() { String::new() } else { format!(" style=\"fill: {color}{weight}\"") }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
