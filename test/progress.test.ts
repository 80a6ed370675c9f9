import { describe, expect, it } from 'vitest'
import { formatDuration, formatNumber, startProgress } from '../src/host/progress.js'

const display = (isTTY: boolean, from = 0) => {
  let time = 0
  let text = ''
  const output = { isTTY, columns: 200, write: (part: string) => (text += part) }
  const progress = startProgress({ label: 'train', total: 100, from, output, now: () => time })
  return {
    progress,
    at: (ms: number) => {
      time = ms
    },
    written: () => text,
  }
}

describe('progress', () => {
  it('is one redrawn line on a terminal', () => {
    const { progress, at, written } = display(true)
    at(1000)
    progress.update(10, { loss: 1.23456, valid: 'none yet' })
    at(1010)
    progress.update(11, { loss: 9 })
    expect(written()).not.toContain('11/100')
    at(5000)
    progress.update(50, { loss: 0.5, open: 37 })
    expect(written()).not.toContain('\n')
    expect(written()).toContain('train ██▍····················· ')
    expect(written()).toContain(' 10%  10/100  loss 1.2346  valid none yet  10.0/s  9s left')
    expect(written()).toContain(' 50%  50/100  loss 0.5000  open 37  10.0/s  5s left')
    progress.note('saved')
    expect(written()).toContain('\r\x1b[2Ksaved\n')
    at(10_000)
    progress.update(100)
    progress.finish()
    expect(written().endsWith('100/100  loss 0.5000  open 37  10.0/s  10s\n')).toBe(true)
  })

  it('is a plain line now and then elsewhere, and one at the end', () => {
    const { progress, at, written } = display(false)
    for (let step = 1; step <= 100; step++) {
      at(step * 250)
      progress.update(step)
    }
    progress.finish()
    progress.note('saved')
    expect(written().split('\n')).toEqual([
      'train   1%  1/100  4.0/s  25s left',
      'train  41%  41/100  4.0/s  15s left',
      'train  81%  81/100  4.0/s  5s left',
      'train 100%  100/100  4.0/s  25s',
      'saved',
      '',
    ])
  })

  it('says only once that all is done', () => {
    const { progress, at, written } = display(false)
    at(20_000)
    progress.update(100)
    at(24_000)
    progress.finish()
    expect(written().match(/100%/g)).toHaveLength(1)
  })

  it('reckons the rate from where it was resumed', () => {
    const { progress, at, written } = display(true, 90)
    at(10_000)
    progress.update(92)
    expect(written()).toContain('5.0s each  40s left')
  })

  it('shows durations and numbers shortly', () => {
    expect([0.4, 59, 200, 3725].map(formatDuration)).toEqual(['0s', '59s', '3m20s', '1h02m'])
    expect([3, 0.00001234, 12.345, 1234.5, Number.NaN].map(formatNumber)).toEqual([
      '3',
      '1.23e-5',
      '12.35',
      '1235',
      'NaN',
    ])
  })
})
