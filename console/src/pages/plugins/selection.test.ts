import { expect, test } from 'vitest'
import { fromSelectionForm, toSelectionForm } from './selection.ts'

test('what a sink selects comes back from the form as it was', () => {
  const given = {
    select: { devices: ['a', 'b'], keys: ['temperature'], when: 'temperature > 0.0' },
    delivery: { batch: 500, wait: '1s', from: 'beginning' },
  }
  expect(fromSelectionForm(toSelectionForm(given))).toEqual(given)
})

test('what is left empty is not sent', () => {
  expect(fromSelectionForm(toSelectionForm())).toEqual({})
  expect(fromSelectionForm({ ...toSelectionForm(), tags: ' cellar , , north ' })).toEqual({
    select: { tags: ['cellar', 'north'] },
  })
})
