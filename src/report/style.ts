/** Style sheet of the report: one typographic column, light and dark by the reader's own setting. Orange and blue are
 *  told apart in all common color-vision deficiencies. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fcfbf8;--raised:#f3f1ea;--ink:#1c1b19;--soft:#67635a;--faint:#d9d5c9;--accent:#0a6e6e;
--accent-soft:#0a6e6e22;--quiet:#b9b4a6;--floor:#cfcabc;--positive:#c2570c;--negative:#2563a8;--good:#1b6e3a;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--raised:#1e2125;--ink:#e9e6df;--soft:#a09c92;--faint:#33373d;--accent:#4fc3bb;
--accent-soft:#4fc3bb26;--quiet:#5d6168;--floor:#454a51;--positive:#f0914a;--negative:#6ea8ec;--good:#6fcf8f;--bad:#ff8a80}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:928px;margin:0 auto;padding:56px 24px 72px}
h1,h2{font-family:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua",Georgia,serif;font-weight:600;line-height:1.2;text-wrap:balance}
h1{font-size:2.3rem;margin:0 0 12px;letter-spacing:-.01em}
h2{font-size:1.5rem;margin:0 0 6px}
h3{font-size:1rem;margin:28px 0 4px}
p{margin:0 0 12px;max-width:68ch}
.lead{font-size:1.1rem;color:var(--soft)}
section{margin-top:56px;padding-top:22px;border-top:1px solid var(--faint)}
.badges{display:flex;flex-wrap:wrap;gap:8px;margin:18px 0 0;padding:0;list-style:none}
.badges li{border:1px solid var(--faint);border-radius:999px;padding:2px 12px;font-size:.85rem;color:var(--soft);background:var(--raised)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));margin:32px 0 0;border:1px solid var(--faint);
border-radius:10px;overflow:hidden}
.figures div{padding:16px 18px;margin:0 -1px -1px 0;border-right:1px solid var(--faint);border-bottom:1px solid var(--faint)}
.figures dt{font-size:.82rem;color:var(--soft);margin:0 0 2px}
.figures dd{margin:0;white-space:nowrap;font-size:1.5rem;font-weight:600;line-height:1.2}
.figures small{display:block;white-space:normal;font-size:.82rem;font-weight:400;color:var(--soft)}
.figures .main dd{color:var(--accent)}
figure{margin:20px 0 0;overflow-x:auto}
figcaption{margin-top:8px;color:var(--soft);font-size:.88rem;max-width:78ch}
svg{display:block;width:100%;height:auto}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .tick{fill:var(--soft);font-size:11px}svg .label{font-size:12.5px}svg .value{font-size:12.5px}svg .strong{font-weight:650}
svg .in-cell{font-size:8.8px}svg .on-color{fill:var(--paper);font-weight:650}svg .accent{fill:var(--accent);font-weight:650}
svg .grid{stroke:var(--faint)}svg .axis{stroke:var(--quiet);fill:none}svg .chance{stroke:var(--quiet);stroke-dasharray:4 4}
svg .bar-main{fill:var(--accent)}svg .bar-quiet{fill:var(--quiet)}svg .bar-floor{fill:var(--floor)}
svg .whisker{stroke:var(--ink);stroke-width:1.4;fill:none}
svg .curve-training{fill:none;stroke:var(--quiet);stroke-width:1.6}svg .curve-validation{fill:none;stroke:var(--accent);stroke-width:2}
svg .dot{fill:var(--accent);stroke:var(--paper);stroke-width:1.2}
svg .panel{fill:var(--raised)}svg .target{fill:var(--accent-soft)}
svg .spikes{stroke:var(--ink);stroke-width:1.5;fill:none;opacity:.82}svg .output{stroke:var(--accent);stroke-width:2.4;opacity:1}
svg .window{stroke:var(--soft);stroke-dasharray:2 4;opacity:.8}
svg .positive{fill:var(--positive)}svg .negative{fill:var(--negative)}
svg .rise{stroke:var(--positive);stroke-width:1.3}svg .fall{stroke:var(--negative);stroke-width:1.3}
svg .outline{fill:none;stroke:var(--ink);stroke-width:1.4}svg .core{fill:var(--accent)}
.compact{max-width:760px}.floorplan{max-width:520px}.floorplan.wide{max-width:none}
.scroll{overflow-x:auto;margin-top:16px}.narrow{max-width:420px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:right;padding:6px 0 6px 18px;border-bottom:1px solid var(--faint);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
th{font-weight:500;color:var(--soft);font-size:.82rem}
td.left,th.left{text-align:left}td.wrap{white-space:normal}
tr.worst td{font-weight:650}
.verdict{display:inline-block;padding:3px 14px;border-radius:999px;font-weight:650;border:1.5px solid currentColor}
.equal{color:var(--good)}.different{color:var(--bad)}
ul.statements{padding-left:1.1em;margin:16px 0;max-width:74ch}ul.statements li{margin:4px 0}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--raised);border:1px solid var(--faint);border-radius:8px;padding:14px 16px;overflow-x:auto;margin:14px 0}
.hash{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;word-break:break-all;white-space:normal}
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;vertical-align:-.05em;margin:0 .3em 0 .1em}
footer{margin-top:56px;padding-top:18px;border-top:1px solid var(--faint);color:var(--soft);font-size:.88rem}
@media(max-width:640px){main{padding:32px 16px 48px}h1{font-size:1.8rem}}
@media print{main{max-width:none;padding:0}section{break-inside:avoid}}
`;
