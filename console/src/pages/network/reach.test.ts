import { expect, test } from 'vitest'
import { everywhereFor, foundAt, losesPage, reachOf, toAddress, unnamed, withNames } from './reach.ts'

test('an address is told by whom it lets in', () => {
  expect(['127.0.0.1', '::1', 'localhost', '127.0.0.9'].map(reachOf)).toEqual(Array(4).fill('local'))
  expect(['0.0.0.0', '::'].map(reachOf)).toEqual(['everywhere', 'everywhere'])
  expect(reachOf('192.168.1.5')).toBe('one')
})

test('who would lose the page by a change is known before it', () => {
  expect(losesPage('127.0.0.1', 'localhost')).toBe(false)
  expect(losesPage('127.0.0.1', '192.168.1.5')).toBe(true)
  expect(losesPage('0.0.0.0', '192.168.1.5')).toBe(false)
  expect(losesPage('192.168.1.5', '192.168.1.5')).toBe(false)
  expect(losesPage('192.168.1.5', '127.0.0.1')).toBe(true)
})

test('names of the certificate are added once, and those that are missing are found', () => {
  expect(withNames('pi.local, 10.0.0.1', ['10.0.0.1', 'fd00::1'])).toBe('pi.local, 10.0.0.1, fd00::1')
  expect(withNames('', ['10.0.0.1'])).toBe('10.0.0.1')
  expect(unnamed(['10.0.0.1', 'FD00::1', '10.0.0.2'], ['10.0.0.1', 'fd00::1'])).toEqual(['10.0.0.2'])
})

test('an IPv6 address stands in brackets in a link', () => {
  expect(toAddress('fd00::1', 8080)).toBe('https://[fd00::1]:8080')
  expect(toAddress('10.0.0.1', '8080')).toBe('https://10.0.0.1:8080')
})

test('to be found everywhere takes both families where there are both', () => {
  const both = ['10.0.0.1', 'fd00::2']
  expect([everywhereFor(both), everywhereFor(['10.0.0.1']), everywhereFor([])]).toEqual(['::', '0.0.0.0', '0.0.0.0'])
  expect(foundAt('::', both)).toEqual(both)
  expect(foundAt('0.0.0.0', both)).toEqual(['10.0.0.1'])
  expect(foundAt('fd00::2', both)).toEqual(['fd00::2'])
  expect(foundAt('127.0.0.1', both)).toEqual([])
})
