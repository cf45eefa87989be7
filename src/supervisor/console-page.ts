// GET /: the console, one page without any other file. The build leaves its script and its styles in dist/console; they are put
// into the page here, and the page's policy allows these two and nothing else.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { HttpReply } from '../io/http.ts'

const BUILT = new URL('../console/', import.meta.url)

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The page, made when it is asked for first; a reply that says so where it was not built. */
export function consolePage(): () => HttpReply {
  let page: HttpReply | undefined
  return () => {
    page ??= load()
    return page
  }
}

function load(): HttpReply {
  let script: string
  let style: string
  try {
    script = readFileSync(new URL('app.js', BUILT), 'utf8')
    style = readFileSync(new URL('app.css', BUILT), 'utf8')
  } catch {
    return { status: 404, body: 'the console was not built (npm run build)\n' }
  }
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return {
    type: 'text/html; charset=utf-8',
    body: pageOf(script, style),
    headers: {
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    },
  }
}

const pageOf = (script: string, style: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Vedette</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<div id="app"><p class="wait">The console needs JavaScript.</p></div>
<script type="module">${script}</script>
</body>
</html>
`
