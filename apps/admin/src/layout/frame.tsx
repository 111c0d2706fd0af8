import { useEffect, useRef, type ReactNode, type RefObject } from 'react';
import { Link, NavLink, Outlet, ScrollRestoration, useLocation } from 'react-router';
import { Badge } from '../parts/figures';
import { AuditIcon, CustomersIcon, ImportsIcon, IntakeIcon, KeysIcon, LabelsIcon, PersonsIcon, PlanIcon, QuarantineIcon, RetentionIcon, RunsIcon, SegmentsIcon, SettingsIcon, WebhooksIcon } from '../parts/icons';
import { LiveRunProvider, useLiveRun } from '../run/live-run';
import { isEnded, stateInWords } from '../run/state';
import { SegmentLooks } from '../segment/looks';
import { useSession } from '../session/session';
import { useMay, useViewer, ViewerProvider } from '../session/viewer';
import { percent } from '../wording/figure';

const PLACES = [
  { to: '/segments', name: 'Segments', Icon: SegmentsIcon },
  { to: '/runs', name: 'Runs', Icon: RunsIcon },
  { to: '/customers', name: 'Customers', Icon: CustomersIcon },
  { to: '/labels', name: 'Labels', Icon: LabelsIcon },
  { to: '/intake', name: 'Intake', Icon: IntakeIcon },
  { to: '/imports', name: 'Imports', Icon: ImportsIcon },
  { to: '/quarantine', name: 'Quarantine', Icon: QuarantineIcon },
  { to: '/tracking-plan', name: 'Tracking plan', Icon: PlanIcon },
];
const FOR_ADMINS = [
  { to: '/persons', name: 'Persons', Icon: PersonsIcon },
  { to: '/retention', name: 'Retention', Icon: RetentionIcon },
  { to: '/webhooks', name: 'Webhooks', Icon: WebhooksIcon },
  { to: '/keys', name: 'Keys', Icon: KeysIcon },
  { to: '/audit', name: 'Audit trail', Icon: AuditIcon },
  { to: '/settings', name: 'Settings', Icon: SettingsIcon },
];

/** What stands around every page; and what every page may ask for. */
export function Frame(): ReactNode {
  return (
    <ViewerProvider>
      <LiveRunProvider>
        <SegmentLooks>
          <a className="skip" href="#content" onClick={skip}>
            Skip to the content
          </a>
          <div className="frame">
            <Side />
            <div className="room">
              <div className="page">
                <main id="content" tabIndex={-1}>
                  <Outlet />
                </main>
              </div>
            </div>
          </div>
          <ScrollRestoration />
        </SegmentLooks>
      </LiveRunProvider>
    </ViewerProvider>
  );
}

// The fragment of the address names the page; the browser's own jump would leave it.
function skip(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function Side(): ReactNode {
  const viewer = useViewer();
  const { signOut } = useSession();
  const isAdmin = useMay('ADMIN');
  const menu = useActiveInSight();
  return (
    <aside className="side">
      <Link className="brand" to="/segments">
        <img src="/admin/mark.svg" alt="" />
        Kindred
      </Link>
      <nav className="menu" aria-label="Main" ref={menu}>
        {[...PLACES, ...(isAdmin ? FOR_ADMINS : [])].map(({ to, name, Icon }) => (
          <NavLink key={to} to={to}>
            <Icon />
            {name}
          </NavLink>
        ))}
      </nav>
      <div className="foot">
        <RunStrip />
        {viewer && (
          <div className="who">
            <span title={viewer.actor}>{viewer.workspace.name}</span>
            <span className="quiet">{viewer.role.toLowerCase()} key</span>
          </div>
        )}
        <button type="button" className="button bare" onClick={signOut}>
          Sign out
        </button>
      </div>
    </aside>
  );
}

/** On a narrow screen the menu is wider than it: the place where one is stays in sight. */
function useActiveInSight(): RefObject<HTMLElement | null> {
  const menu = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  useEffect(() => {
    const links = [...(menu.current?.children ?? [])].filter((link) => link instanceof HTMLAnchorElement);
    const active = links.find(({ hash }) => pathname.startsWith(hash.slice(1)));
    if (active) menu.current?.scrollTo({ left: active.offsetLeft - (menu.current.clientWidth - active.offsetWidth) / 2 });
  }, [pathname]);
  return menu;
}

/** The run that goes on, wherever one is. */
function RunStrip(): ReactNode {
  const { run } = useLiveRun();
  if (!run || isEnded(run)) return null;
  return (
    <Link className="plain" to={`/runs/${encodeURIComponent(run.id)}`}>
      <Badge tone="live">
        {stateInWords(run.state).words} {percent(Math.round(run.progress * 100) / 100)}
      </Badge>
    </Link>
  );
}
