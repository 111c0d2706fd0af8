import { useState, type ReactNode } from 'react';
import { PageHead } from '../parts/card';
import { ArchiveNowDialog } from './archive-dialogs';
import { ArchivesCard } from './archives-card';
import { PolicyCard } from './policy-card';
import { RequestsCard } from './requests-card';

/** How long events stay in the database, and the files that older ones are in. */
export function RetentionPage(): ReactNode {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <PageHead
        title="Retention"
        below={<p className="quiet">Old events go to files, month by month, and count in everything as before; the oldest may be dropped.</p>}
        actions={
          <button type="button" className="button" onClick={() => setAsking(true)}>
            Archive now
          </button>
        }
      />
      <div className="columns two">
        <PolicyCard />
        <RequestsCard />
      </div>
      <ArchivesCard />
      {isAsking && <ArchiveNowDialog onClose={() => setAsking(false)} />}
    </>
  );
}
