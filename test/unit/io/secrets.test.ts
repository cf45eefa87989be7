import { expect, it } from 'vitest'
import { sameSecret } from '../../../src/io/secrets.ts'

it('tells equal secrets from others, whatever their lengths', () => {
  expect(sameSecret('pässwörd', 'pässwörd')).toBe(true)
  for (const wrong of ['', 'pässwör', 'pässwörd ', 'Pässwörd', '\ufffd'])
    expect(sameSecret(wrong, 'pässwörd')).toBe(false)
})
