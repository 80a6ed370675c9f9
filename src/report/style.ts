/**
 * The page's style sheet. The line colours are by Okabe and Ito; they differ for any kind of colour vision,
 * in both schemes.
 */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --ink: #1c1d1f; --soft: #62656b; --rule: #e3e3df;
  --one: #0072b2; --two: #c2500a; --three: #00694b; --four: #b0568f; --five: #8a6d00; --six: #3a3d42;
  --seven: #2a8fc7; --eight: #8c4a2f; --good: #00694b; --bad: #a8380b; --shade: #f1f1ee;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131416; --card: #1c1e21; --ink: #e8e8e6; --soft: #a0a3a9; --rule: #33363b;
    --one: #56b4e9; --two: #f0a33a; --three: #4cc9a0; --four: #e39ac8; --five: #f0e442; --six: #d0d2d6;
  --seven: #8fc7f0; --eight: #d9a58b; --good: #4cc9a0; --bad: #ff9a6b; --shade: #25282c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
main { max-width: 1160px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; text-wrap: balance; }
h2 { font-size: 18px; margin: 0 0 14px; }
h3 { font-size: 15px; margin: 0 0 2px; }
p { margin: 0 0 12px; max-width: 75ch; }
.lead { color: var(--soft); font-size: 17px; margin-bottom: 24px; }
.soft { color: var(--soft); }
.grid {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 20px;
  align-items: start;
}
section {
  background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 22px 24px;
  margin-bottom: 20px; min-width: 0;
}
.grid > section { margin: 0; height: 100%; }
.grid { margin-bottom: 20px; }
section .maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; }
section .grid { margin-bottom: 0; gap: 28px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td {
  text-align: left; vertical-align: top; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--rule);
}
tr:last-child td, tr:last-child th { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: 13px; white-space: nowrap; }
tbody th { font-weight: 500; }
table:not(.scores) th { width: 14em; }
td.wide { overflow-wrap: anywhere; }
.scores td { font-size: 17px; white-space: nowrap; }
.scores td small { white-space: normal; min-width: 12ch; }
.scores small { display: block; color: var(--soft); font-size: 12.5px; }
.compare tbody th { min-width: 13em; } .compare td { white-space: nowrap; }
summary { cursor: pointer; font-weight: 600; padding: 6px 0; }
.good { color: var(--good); } .bad { color: var(--bad); }
.bars { width: 180px; height: 34px; display: block; margin-top: 2px; }
.bars .b { fill: var(--soft); opacity: .55; }
.bars .a { fill: var(--one); }
.bars .t { fill: var(--shade); }
.bars .sd { stroke: var(--ink); stroke-width: 1.5; }
svg { display: block; max-width: 100%; }
svg text { fill: var(--soft); font-size: 11.5px; text-anchor: middle; font-variant-numeric: tabular-nums; }
svg text.end, svg text.row { text-anchor: end; } svg text.start, svg text.left { text-anchor: start; }
svg text[fill="#000"] { fill: #000; } svg text[fill="#fff"] { fill: #fff; }
.chart { width: 100%; max-width: 640px; height: auto; }
.chart .grid { stroke: var(--rule); fill: none; }
.chart .mark { stroke: var(--soft); stroke-dasharray: 3 4; fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.faint { stroke-width: 1; opacity: .3; }
.line.c1 { stroke: var(--one); } .line.c2 { stroke: var(--two); } .line.c3 { stroke: var(--three); }
.line.c4 { stroke: var(--four); } .line.c5 { stroke: var(--five); } .line.c6 { stroke: var(--six); }
.line.c7 { stroke: var(--seven); } .line.c8 { stroke: var(--eight); }
.dot { stroke: var(--card); stroke-width: 1.5; } .dot.c1 { fill: var(--one); } .dot.c2 { fill: var(--two); }
.dot.c3 { fill: var(--three); } .dot.c4 { fill: var(--four); } .dot.c5 { fill: var(--five); }
.dot.c6 { fill: var(--six); } .dot.c7 { fill: var(--seven); } .dot.c8 { fill: var(--eight); }
.key {
  list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 8px; padding: 0;
  font-size: 13px; color: var(--soft);
}
.swatch {
  display: inline-block; width: 16px; height: 3px; border-radius: 2px; margin-right: 7px;
  vertical-align: middle;
}
.swatch.c1 { background: var(--one); } .swatch.c2 { background: var(--two); }
.swatch.c3 { background: var(--three); } .swatch.c4 { background: var(--four); }
.swatch.c5 { background: var(--five); } .swatch.c6 { background: var(--six); }
.swatch.c7 { background: var(--seven); } .swatch.c8 { background: var(--eight); }
.forest { width: 220px; height: 18px; display: block; }
.forest .zero { stroke: var(--soft); stroke-dasharray: 2 3; }
.forest .range { stroke: var(--ink); stroke-width: 1.5; fill: none; } .forest circle { fill: var(--one); }
.one-bar { width: 180px; height: 18px; display: block; }
.one-bar .t { fill: var(--shade); } .one-bar .a { fill: var(--one); } .one-bar .r { fill: var(--two); }
.one-bar .sd { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.heat g:hover > rect { stroke: var(--ink); stroke-width: 2; }
.heat .closed rect { fill: none; stroke: var(--soft); stroke-opacity: .55; }
.heat .closed path { stroke: var(--soft); stroke-width: 1.5; fill: none; }
.heat-legend { margin-top: 16px; }
.sample { border-top: 1px solid var(--rule); padding: 16px 0 18px; }
.sample:first-of-type { border-top: 0; padding-top: 0; }
.sample .grid {
  gap: 12px; margin-top: 8px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr));
}
.text {
  white-space: pre-wrap; overflow-wrap: anywhere; background: var(--shade); border-radius: 6px;
  padding: 10px 12px;
}
.prompt { white-space: pre-wrap; overflow-wrap: anywhere; }
.label { font-size: 12.5px; color: var(--soft); margin-bottom: 3px; }
pre {
  overflow-x: auto; background: var(--shade); border-radius: 6px; padding: 12px 14px; margin: 0 0 14px;
  font: 13.5px/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; white-space: pre-wrap;
  overflow-wrap: anywhere;
}
footer { color: var(--soft); font-size: 13px; }
`
