import { escapeHtml } from './html.js'
import { style } from './style.js'

/** A part of a page with a heading; an empty text if it has no content. */
export const section = (title: string, body: string): string =>
  body === '' ? '' : `<section><h2>${escapeHtml(title)}</h2>${body}</section>`

/** A self-contained HTML page of these parts, without scripts; empty parts are left out. */
export const pageOf = (title: string, parts: readonly string[]): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${parts.filter(part => part !== '').join('\n')}
<footer>Written by Jola. This page needs no network.</footer>
</main>
</body>
</html>
`
