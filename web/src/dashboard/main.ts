//! The instructors' pages of a whole class.

import { mount } from 'svelte';
import { askOf } from '$api/problem';
import { heedTokens, takeToken } from '$api/token';
import '$lib/look/base.css';
import '$lib/look/theme.svelte';
import DashboardPage from './DashboardPage.svelte';

askOf('The dashboard', 'The workspaces go on without it, and lose nothing.');
takeToken('instructor');
heedTokens('instructor');
mount(DashboardPage, { target: document.getElementById('page')! });
