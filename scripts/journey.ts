/** Writes the listings of docs/journey.md anew: `npm run journey`. With `--check` it only names old ones. */
import { readFileSync, writeFileSync } from 'node:fs'
import { listingsIn, printedBy, withListings } from '../test/docs/listings.js'

const path = new URL('../docs/journey.md', import.meta.url)
const page = readFileSync(path, 'utf8')
const listings = listingsIn(page)
const printed: string[] = []
for (const { args } of listings) printed.push(await printedBy(args))
const old = listings.filter((l, i) => l.text !== printed[i])
for (const l of old) console.log(`changed: ${l.command}`)
console.log(`${listings.length} listings, ${old.length} changed`)
if (process.argv.includes('--check')) process.exitCode = old.length === 0 ? 0 : 1
else if (old.length > 0) writeFileSync(path, withListings(page, printed))
