//! The workspace's own backend as the source of its replay.

import { api, recordingAddress } from '$api/client';
import type { Source } from '$lib/watch/source';

export const backend: Source = {
  timeline: api.instructor.timeline,
  at: api.instructor.at,
  checks: api.instructor.checks,
  help: api.instructor.help,
  recording: recordingAddress,
  picture: (step, name) => api.picture(step, name) as unknown as Promise<Blob>,
  terminals: '/ws/instructor/terminal',
};
