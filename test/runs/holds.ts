// Holds the folder that is named, says so, and stays until it is killed.
import { holdFolder } from '../../src/runs/lock.js'

await holdFolder(process.argv[2]!)
process.stdout.write('held\n')
setInterval(() => undefined, 1000)
