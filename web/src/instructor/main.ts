//! The instructor's page.

import { mount } from 'svelte';
import { heedTokens, takeToken } from '$api/token';
import '$lib/look/base.css';
import '$lib/look/theme.svelte';
import InstructorPage from './InstructorPage.svelte';

takeToken('instructor');
heedTokens('instructor');
mount(InstructorPage, { target: document.getElementById('page')! });
