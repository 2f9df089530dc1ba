//! The kinds of help, in the order in which they give more away.

import type { Schemas } from '$api/client';

export const HELP_MODES: { mode: Schemas['HelpMode']; title: string }[] = [
  { mode: 'hints', title: 'Hints' },
  { mode: 'explain', title: 'Explanation' },
  { mode: 'solve', title: 'Solution' },
];
