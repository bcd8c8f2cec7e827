import { expect, test } from 'vitest';
import { date, near, number, quantity, shortTime, signed, span, time, weekday, wholeSpan } from '../src/lib/format';

const AT = Date.parse('2026-11-23T07:05:12Z');

test('Vietnamese numbers have a decimal comma and a thousands dot', () => {
  expect(number(80.55, 2, 'vi')).toBe('80,55');
  expect(number(1168, 0, 'vi')).toBe('1.168');
  expect(number(80.55, 2, 'en')).toBe('80.55');
  expect(number(1168, 0, 'en')).toBe('1,168');
});

test('a unit follows after a space that does not break', () => {
  expect(quantity(80.55, 2, 'm', 'vi')).toBe('80,55\u00a0m');
  expect(quantity(12, 0, '1', 'vi')).toBe('12');
});

test('signs: plus only where asked, a true minus, none on zero', () => {
  expect(signed(1.13, 2, 'm', 'vi')).toBe('+1,13\u00a0m');
  expect(signed(-0.5, 1, 'm', 'vi')).toBe('\u22120,5\u00a0m');
  expect(number(-0.001, 2, 'vi')).toBe('0,00');
});

test('times are those of the province wherever the computer stands', () => {
  expect(time(AT)).toBe('14:05:12');
  expect(shortTime(AT)).toBe('14:05');
  expect(date(AT)).toBe('23/11/2026');
  expect(time(Date.parse('2026-11-23T17:00:00Z'))).toBe('00:00:00');
  expect(weekday(AT, 'vi')).toBe('Thứ Hai 23/11/2026');
  expect(weekday(AT, 'en')).toBe('Mon 23/11/2026');
});

test('another day is said', () => {
  expect(near(AT, AT)).toBe('14:05');
  expect(near(AT, AT + 86_400_000)).toBe('14:05 23/11');
});

test('nine digits of a second are read', () => {
  expect(time(Date.parse('2026-11-23T07:05:12.123456789Z'))).toBe('14:05:12');
});

test('a span has its two largest units', () => {
  const minute = 60_000;
  expect(span(45_000, 'vi')).toBe('45\u00a0giây');
  expect(span(12 * minute, 'vi')).toBe('12\u00a0phút');
  expect(span(185 * minute, 'vi')).toBe('3\u00a0giờ 05\u00a0phút');
  expect(span(52 * 60 * minute, 'en')).toBe('2\u00a0d 4\u00a0h');
  expect(span(-5, 'vi')).toBe('0\u00a0giây');
  expect(wholeSpan(60 * minute, 'vi')).toBe('1\u00a0giờ');
  expect(wholeSpan(24 * 60 * minute, 'vi')).toBe('1\u00a0ngày');
});
