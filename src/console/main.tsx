// Where the console begins; the build makes one script of it (scripts/build.mjs), which supervisor/console-page.ts serves.
import { render } from 'preact'
import { App } from './app.tsx'

const root = document.getElementById('app')
if (root !== null) {
  root.replaceChildren()
  render(<App />, root)
}
