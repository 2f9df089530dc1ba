//! Logging out: the session ends at the dashboard, the token is forgotten here.

import { forgetToken } from '$api/token';
import { api } from './api';

export async function leave(): Promise<void> {
  forgetToken();
  await api.logout().catch(() => null);
  location.assign('/');
}
