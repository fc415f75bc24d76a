"""How the page looks, in light and dark, narrow and wide."""

from typing import Final

CSS: Final = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #667079; --line: #dde2e6;
  --paper: #fff; --ground: #f4f6f7; --bar: #2b7a78; --ghost: #c9d6d5;
  --good: #1b7f4b; --usable: #a86400; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ecef; --soft: #9aa5ad;
  --line: #333b41; --paper: #1d2226; --ground: #14181b; --bar: #4fb3a9;
  --ghost: #3a4a4a; --good: #58c48a; --usable: #e2a13c; --bad: #f2837b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 1.5rem; margin: 8px 0 14px; }
h2 { font-size: 1.05rem; margin: 0 0 8px; }
section, .tile, .clip { background: var(--paper); border: 1px solid var(--line);
  border-radius: 10px; padding: 16px; margin: 0 0 16px; min-width: 0; }
.verdict { border-left: 10px solid var(--grade); }
.verdict .grade { font-size: 1.7rem; font-weight: 700; color: var(--grade);
  margin: 0; }
.grade::first-letter { text-transform: uppercase; }
.good { --grade: var(--good); } .usable { --grade: var(--usable); }
.not-usable { --grade: var(--bad); }
.findings { list-style: none; margin: 12px 0 0; padding: 0; }
.findings li { border-top: 1px solid var(--line); padding: 10px 0 8px; }
.findings b { display: block; } .findings b::first-letter { text-transform: uppercase; }
.tag { float: right; margin-left: 10px; font-size: .75rem; color: var(--soft); }
.stop .tag { color: var(--bad); } .warn .tag { color: var(--usable); }
.do, .none, .note, figcaption, small { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px;
  margin-bottom: 16px; }
@media (max-width: 960px) { .tiles { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 560px) { .tiles { grid-template-columns: repeat(2, 1fr); } }
.tile { margin: 0; padding: 12px 14px; }
.tile b { display: block; font-size: 1.3rem; line-height: 1.3; }
.tile span { font-size: .85rem; color: var(--soft); }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px),
  1fr)); gap: 0 16px; }
svg { display: block; width: 100%; height: auto; }
.two svg { max-width: 600px; }
svg text { font-size: 11px; fill: var(--soft); }
svg line { stroke: var(--soft); stroke-width: 1; }
.bar { fill: var(--bar); } .ghost { fill: var(--ghost); }
.split { display: flex; height: 26px; border-radius: 6px; overflow: hidden;
  margin: 4px 0 8px; background: var(--line); }
.split i { display: block; min-width: 2px; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px;
  margin: 0 .35em 0 0; }
.keys span { margin-right: 16px; white-space: nowrap; font-size: .9rem; }
.train { background: var(--bar); } .eval { background: #7a5cc0; }
.guard { background: #9aa5ad; } .refused { background: #d98073; }
.wide { overflow-x: auto; }
@media (max-width: 640px) { .wide svg text { font-size: 19px; } }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: 5px 12px 5px 0; vertical-align: top;
  border-top: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--soft); border-top: 0; overflow-wrap: normal; }
td.n, th.n { text-align: right; white-space: nowrap; }
.name { overflow-wrap: anywhere; }
section > :last-child { margin-bottom: 0; } section h2 ~ h2 { margin-top: 16px; }
.next .tag { color: var(--bar); } td:first-child .name {
  display: inline-block; min-width: 7em; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%,
  300px), 1fr)); gap: 12px; }
.clip { margin: 0; padding: 12px; } .clip img { width: 100%; border-radius: 6px; }
.clip audio { width: 100%; margin-top: 6px; }
.clip h3 { margin: 0 0 6px; font-size: .95rem; }
.clip h3::first-letter { text-transform: uppercase; }
details { margin-top: 8px; } summary { cursor: pointer; color: var(--soft); }
"""
